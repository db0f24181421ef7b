import { type Db, type Filter, MongoServerError, type Sort } from 'mongodb';
import type { Candidate, Extent, TermQuery } from '../search-store.ts';
import { type MessageDocument, messagesOf, sessionsOf } from './documents.ts';
import { INDEX } from './indexes.ts';
import { during, isLive, liveThreads, type Scope } from './scope.ts';

/**
 * How long the first look for a term may take, in milliseconds. An index has the newest messages of
 * a term in order, and a mongod reads no more of it than are wanted; a compatible server may go
 * through all that the term has.
 */
const FIRST_LOOK_MS = 150;

/** How long a look takes that nothing comes after, in milliseconds. */
const LONG_LOOK_MS = 2000;

/** How many sessions stand for a scope, the newest, where its index is not read in time. */
const RECENT_SESSIONS = 10;

/** A term that so many of their messages have is in so many others that these will do. */
const ENOUGH_RECENT = 5;

/** How often the newest messages are looked for, where most of them are deleted. */
const PERSISTENCE = 8;

/** The server's code for a command that took longer than it was given. */
const MAX_TIME_EXPIRED = 50;

/** A candidate as it is read, while nobody knows whether its session is live. */
type FoundDocument = Pick<
  MessageDocument,
  '_id' | 'session_id' | 'thread' | 'seq' | 'role' | 'created_at'
> &
  Pick<Candidate, 'matched' | 'length'>;

/** What a look came to: the newest messages that have a term, and whether there may be more. */
interface Newest {
  found: FoundDocument[];
  cut: boolean;
}

/** What was found for one term: live messages, the newest first. */
export interface Look extends Newest {
  live: ReadonlyMap<string, Extent>;
}

/**
 * The newest live messages of a scope for each term. Where most of the newest are deleted, they are
 * passed over in further looks.
 */
export async function lookForEach(db: Db, scope: Scope, query: TermQuery): Promise<Look[]> {
  const newest = await newestForEach(db, scope, query);
  const found = newest.flatMap((one) => one.found);
  const live = await liveThreads(db, scope.namespace, found);
  return Promise.all(
    newest.map((one, i) => lookOn(db, scope, query.terms[i] as string, query, one, live)),
  );
}

/**
 * The newest messages for each term. A term whose messages take long to go through has its newest
 * read from the newest sessions, if it is usual there.
 */
async function newestForEach(db: Db, scope: Scope, query: TermQuery): Promise<Newest[]> {
  const first = await Promise.all(
    query.terms.map((term) => findNewest(db, scope, term, query, FIRST_LOOK_MS)),
  );
  if (!first.includes(undefined)) return first as Newest[];
  const recent = await recentSessions(db, scope);
  return Promise.all(
    query.terms.map(async (term, i): Promise<Newest> => {
      const newest = first[i] ?? (await findRecent(db, scope, recent, term, query));
      return (
        newest ??
        (await findNewest(db, scope, term, query, LONG_LOOK_MS)) ?? { found: [], cut: true }
      );
    }),
  );
}

/** The identifiers of the newest live sessions; none where the scope is a session. */
async function recentSessions(db: Db, { namespace, user_id, thread }: Scope): Promise<string[]> {
  if (thread !== undefined) return [];
  const recent = await sessionsOf(db)
    .find({ namespace, ...(user_id !== undefined && { user_id }), live: true })
    .hint(user_id === undefined ? INDEX.updated : INDEX.userUpdated)
    .sort({ updated_at: -1, _id: -1 })
    .limit(RECENT_SESSIONS)
    .project<{ session_id: string }>({ _id: 0, session_id: 1 })
    .toArray();
  return recent.map(({ session_id }) => session_id);
}

/** Messages of the newest sessions that have a term, if there are enough of them. */
async function findRecent(
  db: Db,
  { namespace }: Scope,
  recent: readonly string[],
  term: string,
  query: TermQuery,
): Promise<Newest | undefined> {
  if (recent.length === 0) return undefined;
  const $or = recent.map((session_id) => ({ namespace, session_id, terms: term }));
  const found = await find(db, { $or }, query, LONG_LOOK_MS);
  if (found === undefined || found.length < ENOUGH_RECENT) return undefined;
  return {
    found: found.toSorted((a, b) => b.created_at.getTime() - a.created_at.getTime()),
    cut: true,
  };
}

/** Looks further back, behind what is deleted, where that is most of the newest. */
async function lookOn(
  db: Db,
  scope: Scope,
  term: string,
  query: TermQuery,
  newest: Newest | undefined,
  live: ReadonlyMap<string, Extent>,
): Promise<Look> {
  const dead = new Set<string>();
  for (let looks = 1; ; looks++) {
    if (newest === undefined) return { found: [], live, cut: true };
    const found = newest.found.filter((one) => isLive(one, live));
    // The thread of a session was live a moment ago: behind what was deleted in it there is nothing.
    const over = !newest.cut || found.length >= query.limit / 2 || 'thread' in scope;
    const passedOver = newest.found.length - found.length;
    if (over || passedOver === 0 || looks === PERSISTENCE) return { found, live, cut: newest.cut };
    for (const one of newest.found) if (!isLive(one, live)) dead.add(one.thread);
    const others = { ...scope, thread: { $nin: [...dead] } };
    newest = await findNewest(db, others, term, query, LONG_LOOK_MS);
    live = await liveThreads(db, scope.namespace, newest?.found ?? []);
  }
}

/** The newest messages that have a term; `undefined` when that took too long. */
async function findNewest(
  db: Db,
  scope: Filter<MessageDocument>,
  term: string,
  query: TermQuery,
  maxTimeMS: number,
): Promise<Newest | undefined> {
  const found = await find(db, { ...scope, terms: term }, query, maxTimeMS, { created_at: -1 });
  return found && { found, cut: found.length > query.limit };
}

/** Messages of the time that is asked for, one more than are wanted if there are as many. */
async function find(
  db: Db,
  filter: Filter<MessageDocument>,
  { terms, also, limit, since, until }: TermQuery,
  maxTimeMS: number,
  sort: Sort = {},
): Promise<FoundDocument[] | undefined> {
  const wanted = { $in: ['$$this', { $literal: [...terms, ...also] }] };
  const looking = messagesOf(db)
    .find(
      { ...filter, ...during({ since, until }) },
      { sort, limit: limit + 1, batchSize: limit + 2, maxTimeMS },
    )
    .project<FoundDocument>({
      ...{ session_id: 1, thread: 1, seq: 1, role: 1, created_at: 1 },
      matched: { $filter: { input: '$terms', cond: wanted } },
      length: { $size: '$terms' },
    })
    .toArray();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, maxTimeMS, undefined);
  });
  try {
    return await Promise.race([looking, late]);
  } catch (error) {
    if (error instanceof MongoServerError && error.code === MAX_TIME_EXPIRED) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    looking.catch(() => undefined);
  }
}
