import { type Db, type Document, type Filter, MongoServerError } from 'mongodb';
import type { SeqRange } from '../../../domain/positions.ts';
import type { Candidate } from '../../../search/bm25.ts';
import type { TermQuery } from '../../search-port.ts';
import { during, isLive, liveRanges, type MessageFilter } from '../access-scope.ts';
import { type MessageKey, messageKey } from '../append/session-head.ts';
import { INDEX } from '../connection/indexes.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
} from '../documents.ts';

/**
 * How long the server may take for the first look for a term, in milliseconds of its own. An index
 * has the newest messages of a term in order, and a mongod reads no more of it than are wanted; a
 * compatible server may go through all that the term has.
 */
const FIRST_LOOK_MS = 150;

/** How long it may take for a look that nothing comes after, in milliseconds. */
const LONG_LOOK_MS = 1500;

/** How much of the caller's patience is kept for what follows the looks, in milliseconds. */
const RESERVE_MS = 1000;

/** How many sessions stand for a scope, the newest, where its index is not read in time. */
const RECENT_SESSIONS = 10;

/** A term that so many of their messages have is in so many others that these will do. */
const ENOUGH_RECENT = 5;

/** How often the newest messages are looked for, where most of them are deleted. */
const PERSISTENCE = 8;

/** The server's code for a command that took longer than it was given. */
const MAX_TIME_EXPIRED = 50;

/** What is looked for, where, and when the caller stops waiting (milliseconds since 1970). */
interface Search {
  db: Db;
  scope: MessageFilter;
  query: TermQuery;
  deadline: number;
}

/** A candidate as it is read, while nobody knows whether its session is live. */
type FoundDocument = Pick<
  MessageDocument,
  '_id' | 'session_id' | 'session_uuid' | 'seq' | 'role' | 'created_at'
> &
  Pick<Candidate, 'matched' | 'length'>;

/** What a look came to: the newest messages that have a term, and whether there may be more. */
interface Newest {
  found: FoundDocument[];
  cut: boolean;
}

/** What was found for one term: live messages, the newest first. */
export interface TermResult extends Newest {
  live: ReadonlyMap<string, SeqRange>;
}

/**
 * The newest live messages of a scope for each term. Where most of the newest are deleted, they are
 * passed over in further looks.
 *
 * @param known all the live messages of the scope, by their sessions, where that is known
 */
export async function findByTerms(
  search: Search,
  known: ReadonlyMap<string, SeqRange> | undefined,
): Promise<TermResult[]> {
  const { db, scope, query } = search;
  const newest = await newestForEach(search);
  const found = newest.flatMap((one) => one.found);
  const live = known ?? (await liveRanges(db, scope.namespace, found));
  return mapAtOnce(newest, (one, i) => lookOn(search, query.terms[i] as string, one, live));
}

/**
 * The newest messages for each term. A term whose messages take long to go through has its newest
 * read from the newest sessions, if it is usual there.
 */
async function newestForEach(search: Search): Promise<Newest[]> {
  const { terms } = search.query;
  const first = await mapAtOnce(terms, (term) =>
    findNewest(search, search.scope, term, FIRST_LOOK_MS),
  );
  if (!first.includes(undefined)) return first as Newest[];
  const recent = await recentSessions(search);
  const again = async (term: string) =>
    (await findRecent(search, recent, term)) ??
    (await findNewest(search, search.scope, term, LONG_LOOK_MS)) ?? { found: [], cut: true };
  return mapAtOnce(terms, async (term, i) => first[i] ?? (await again(term)));
}

/** How many terms are looked for at once. One search with many must not fill the server's queues. */
const LOOKS_AT_ONCE = 4;

/** Maps a list in its order, a few entries at once. */
async function mapAtOnce<T, R>(
  list: readonly T[],
  work: (entry: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const goOn = async () => {
    for (let i = next++; i < list.length; i = next++) results[i] = await work(list[i] as T, i);
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, goOn));
  return results;
}

/** The newest live sessions; none where the scope is one itself. */
async function recentSessions({ db, scope }: Search): Promise<MessageKey[]> {
  const { namespace, user_id } = scope;
  if (scope.session_uuid !== undefined) return [];
  const newest = await sessionsOf(db)
    .find({ namespace, ...(user_id !== undefined && { user_id }), live: true })
    .hint(user_id === undefined ? INDEX.updated : INDEX.ownedUpdated)
    .sort({ updated_at: -1, _id: -1 })
    .limit(RECENT_SESSIONS)
    .project<Pick<SessionDocument, '_id' | 'namespace' | 'session_id'>>({
      ...{ namespace: 1, session_id: 1 },
    })
    .toArray();
  return newest.map(messageKey);
}

/** The newest messages of some sessions that have a term, if there are enough of them. */
async function findRecent(
  search: Search,
  sessions: readonly MessageKey[],
  term: string,
): Promise<Newest | undefined> {
  const $or = sessions.map((session) => ({ ...session, terms: term }));
  if ($or.length === 0) return undefined;
  const found = await find(search, { $or }, LONG_LOOK_MS);
  return found !== undefined && found.length >= ENOUGH_RECENT ? { found, cut: true } : undefined;
}

/** Looks further back, behind what is deleted, where that is most of the newest. */
async function lookOn(
  search: Search,
  term: string,
  newest: Newest,
  live: ReadonlyMap<string, SeqRange>,
): Promise<TermResult> {
  const { db, scope, query } = search;
  const dead = new Set<string>();
  const bounds = new Map<string, SeqRange>();
  let look: TermResult = {
    ...newest,
    found: newest.found.filter((one) => isLive(one, live)),
    live,
  };
  for (let looks = 1; looks < PERSISTENCE; looks++) {
    if (!look.cut || look.found.length >= query.limit / 2) break;
    if (look.found.length === newest.found.length) break;
    // One session, which was live a moment ago.
    if (scope.session_uuid !== undefined && !look.live.has(scope.session_uuid)) break;
    for (const one of newest.found) {
      const range = look.live.get(one.session_uuid);
      if (range === undefined) dead.add(one.session_uuid);
      else if (!isLive(one, look.live)) bounds.set(one.session_uuid, range);
    }
    const further = await findNewest(search, without(scope, dead, bounds), term, LONG_LOOK_MS);
    if (further === undefined) return { ...look, cut: true };
    newest = further;
    const there = await liveRanges(db, scope.namespace, newest.found);
    look = { ...newest, found: newest.found.filter((one) => isLive(one, there)), live: there };
  }
  return look;
}

/**
 * A scope without sessions that are not live, and of others without what is not: retired messages, and
 * behind their ends those of an append that is under way or was cut off.
 */
function without(
  scope: MessageFilter,
  dead: ReadonlySet<string>,
  bounds: ReadonlyMap<string, SeqRange>,
): Filter<MessageDocument> {
  const outside = [...bounds].flatMap(([session_uuid, { first_seq, last_seq }]) => [
    { session_uuid, seq: { $lt: first_seq } },
    { session_uuid, seq: { $gt: last_seq } },
  ]);
  return {
    ...scope,
    ...(scope.session_uuid === undefined && { session_uuid: { $nin: [...dead] } }),
    ...(outside.length > 0 && { $nor: outside }),
  };
}

/** The newest messages that have a term; `undefined` when that took too long. */
async function findNewest(
  search: Search,
  scope: Filter<MessageDocument>,
  term: string,
  maxTimeMS: number,
): Promise<Newest | undefined> {
  const found = await find(search, { ...scope, terms: term }, maxTimeMS);
  return found && { found, cut: found.length > search.query.limit };
}

/** The newest messages of the time that is asked for, one more than are wanted if there are as many. */
async function find(
  { db, query, deadline }: Search,
  filter: Filter<MessageDocument>,
  maxTimeMS: number,
): Promise<FoundDocument[] | undefined> {
  const left = deadline - RESERVE_MS - Date.now();
  if (left <= 0) return undefined;
  const { limit } = query;
  const looking = messagesOf(db)
    .find({ ...filter, ...during(query) })
    .sort({ created_at: -1 })
    .limit(limit + 1)
    .batchSize(limit + 2)
    .maxTimeMS(Math.min(maxTimeMS, left))
    .project<FoundDocument>(whatMatches(query))
    .toArray();
  // Not every server keeps to its time, and the way to it takes some, too.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, left, undefined);
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

/** What is read of a candidate: of its terms, those that were asked for. */
function whatMatches({ terms, also }: TermQuery): Document {
  const wanted = { $in: ['$$this', { $literal: [...terms, ...also] }] };
  return {
    ...{ session_id: 1, session_uuid: 1, seq: 1, role: 1, created_at: 1 },
    matched: { $filter: { input: '$terms', cond: wanted } },
    length: { $size: '$terms' },
  };
}
