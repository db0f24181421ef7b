import { type Db, type Document, type Filter, MongoServerError } from 'mongodb';
import type {
  Candidate,
  Candidates,
  Extent,
  Located,
  MessagePlace,
  SearchScope,
  SearchStore,
  TermQuery,
} from '../store.ts';
import type { Connection } from './connection.ts';
import {
  type MessageDocument,
  messagesOf,
  SESSION_FIELDS,
  type SessionDocument,
  sessionsOf,
  toMessage,
  toSession,
  WITHOUT_TERMS,
} from './documents.ts';
import { projection } from './pages.ts';

/** How long a search looks for one term, in milliseconds. */
const LOOK_MS = 2000;

/** The server's code for a command that took longer than it was given. */
const MAX_TIME_EXPIRED = 50;

/** How often the newest messages are looked for, where most of them are deleted. */
const PERSISTENCE = 8;

/** A candidate as it is read, while nobody knows whether its session is live. */
type FoundDocument = Pick<
  MessageDocument,
  'session_id' | 'thread' | 'seq' | 'role' | 'created_at'
> &
  Pick<Candidate, 'matched' | 'length'>;

/** What the messages of a scope have in common. */
export type Scope = { namespace: string; user_id?: string; session_id?: string; thread?: string };

type LiveThread = Pick<SessionDocument, 'session_id' | 'thread' | 'base_seq' | 'last_seq'>;

const LIVE_FIELDS = { _id: 0, session_id: 1, thread: 1, base_seq: 1, last_seq: 1 };

/** Finds messages by their terms. Whether they are live is up to their sessions, which are asked last. */
export function mongoSearch(connection: Connection): SearchStore {
  return {
    candidates(namespace, scope, query) {
      return connection.run(async ({ db }): Promise<Candidates> => {
        const filter = await filterOf(db, namespace, scope);
        if (filter === undefined) return { candidates: [], threads: new Map(), cut: [] };
        const looks = await lookForEach(db, filter, query);
        const candidates = new Map<string, Candidate>();
        const threads = new Map<string, Extent>();
        for (const { found, live } of looks) {
          for (const { created_at, ...document } of found.slice(0, query.limit)) {
            const { thread, seq } = document;
            threads.set(thread, live.get(thread) as Extent);
            candidates.set(`${seq}@${thread}`, { ...document, created_at: created_at.getTime() });
          }
        }
        const cut = query.terms.filter((_, i) => looks[i]?.cut);
        return { candidates: [...candidates.values()], threads, cut };
      });
    },

    locate(namespace, places, metadataMaxBytes) {
      if (places.length === 0) return Promise.resolve([]);
      return connection.run(async ({ db }) => {
        const found = await messagesOf(db)
          .find({ $or: branchesOf(namespace, places) }, { projection: WITHOUT_TERMS })
          .toArray();
        const session_id = { $in: [...new Set(places.map((place) => place.session_id))] };
        const live = await sessionsOf(db)
          .find({ namespace, session_id, live: true })
          .project<SessionDocument>(projection([...SESSION_FIELDS, 'thread'], metadataMaxBytes))
          .toArray();
        const messages = new Map(found.map((one) => [`${one.seq}@${one.thread}`, one]));
        const sessions = new Map(live.map((one) => [one.thread, one]));
        return places.flatMap((place): Located[] => {
          const message = messages.get(`${place.seq}@${place.thread}`);
          const session = sessions.get(place.thread);
          if (message === undefined || session === undefined) return [];
          return [{ place, message: toMessage(message), session: toSession(session) }];
        });
      });
    },
  };
}

/** What the messages of a scope have in common, in the order of an index; `undefined` if there are none. */
export async function filterOf(
  db: Db,
  namespace: string,
  { session_id, user_id }: SearchScope,
): Promise<Scope | undefined> {
  if (session_id === undefined) {
    return user_id === undefined ? { namespace } : { namespace, user_id };
  }
  const session = await sessionsOf(db).findOne(
    { namespace, session_id, live: true },
    { projection: LIVE_FIELDS },
  );
  return session?.thread === undefined
    ? undefined
    : { namespace, session_id, thread: session.thread };
}

/** What was found for one term: live messages, the newest first. */
interface Look {
  found: FoundDocument[];
  live: ReadonlyMap<string, Extent>;
  /** There may be more than these. */
  cut: boolean;
}

/**
 * The newest live messages of a scope for each term. Where most of the newest are deleted, they are
 * passed over in further looks.
 */
async function lookForEach(db: Db, scope: Scope, query: TermQuery): Promise<Look[]> {
  const found = await Promise.all(query.terms.map((term) => findNewest(db, scope, term, query)));
  const live = await liveThreads(
    db,
    scope.namespace,
    found.flatMap((newest) => newest ?? []),
  );
  return Promise.all(
    found.map((newest, i) => lookOn(db, scope, query.terms[i] as string, query, newest, live)),
  );
}

/** Looks further back, behind what is deleted, where that is most of the newest. */
async function lookOn(
  db: Db,
  scope: Scope,
  term: string,
  query: TermQuery,
  newest: FoundDocument[] | undefined,
  live: ReadonlyMap<string, Extent>,
): Promise<Look> {
  let look = lookOf(newest, live, query);
  const dead = new Set<string>();
  for (let looks = 1; looks < PERSISTENCE; looks++) {
    // The thread of a session was live a moment ago: behind what was deleted in it there is nothing.
    if (
      newest === undefined ||
      !look.cut ||
      look.found.length >= query.limit / 2 ||
      'thread' in scope
    )
      break;
    for (const one of newest) if (!isLive(one, live)) dead.add(one.thread);
    const others = { ...scope, thread: { $nin: [...dead] } };
    newest = await findNewest(db, others, term, query);
    live = await liveThreads(db, scope.namespace, newest ?? []);
    look = lookOf(newest, live, query);
  }
  return look;
}

function lookOf(
  newest: FoundDocument[] | undefined,
  live: ReadonlyMap<string, Extent>,
  { limit }: TermQuery,
): Look {
  if (newest === undefined) return { found: [], live, cut: true };
  return { found: newest.filter((one) => isLive(one, live)), live, cut: newest.length > limit };
}

export function isLive(
  { thread, seq }: { thread: string; seq: number },
  live: ReadonlyMap<string, Extent>,
): boolean {
  const extent = live.get(thread);
  return extent !== undefined && seq >= extent.first_seq && seq <= extent.last_seq;
}

/** The condition that something was created in a time. */
export function within({ since, until }: Pick<TermQuery, 'since' | 'until'>) {
  const time = {
    ...(since !== undefined && { $gte: new Date(since) }),
    ...(until !== undefined && { $lte: new Date(until) }),
  };
  return Object.keys(time).length > 0 ? { created_at: time } : {};
}

/**
 * The newest messages that have a term, one more than are wanted if there are as many. An index has
 * them in this order; should it take long all the same, the search does without them.
 *
 * @returns nothing when it took too long
 */
async function findNewest(
  db: Db,
  scope: Filter<MessageDocument>,
  term: string,
  { terms, also, limit, since, until }: TermQuery,
): Promise<FoundDocument[] | undefined> {
  const wanted = { $in: ['$$this', { $literal: [...terms, ...also] }] };
  const looking = messagesOf(db)
    .find({ ...scope, terms: term, ...within({ since, until }) })
    .sort({ created_at: -1 })
    .limit(limit + 1)
    .batchSize(limit + 2)
    .maxTimeMS(LOOK_MS)
    .project<FoundDocument>({
      _id: 0,
      session_id: 1,
      thread: 1,
      seq: 1,
      role: 1,
      created_at: 1,
      matched: { $filter: { input: '$terms', cond: wanted } },
      length: { $size: '$terms' },
    })
    .toArray();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LOOK_MS, undefined);
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

/** The live threads among those of messages, by their names. */
export async function liveThreads(
  db: Db,
  namespace: string,
  found: readonly { session_id: string }[],
): Promise<Map<string, Extent>> {
  const ids = [...new Set(found.map(({ session_id }) => session_id))];
  if (ids.length === 0) return new Map();
  const live = await sessionsOf(db)
    .find({ namespace, session_id: { $in: ids }, live: true })
    .project<LiveThread>(LIVE_FIELDS)
    .toArray();
  return new Map(
    live.map(({ thread, base_seq, last_seq }) => [
      thread as string,
      { first_seq: base_seq + 1, last_seq },
    ]),
  );
}

/** One condition per thread, each a stretch of one index. */
export function branchesOf(namespace: string, places: readonly MessagePlace[]): Document[] {
  const seqs = new Map<string, { session_id: string; thread: string; seqs: number[] }>();
  for (const { session_id, thread, seq } of places) {
    const branch = seqs.get(thread) ?? { session_id, thread, seqs: [] };
    branch.seqs.push(seq);
    seqs.set(thread, branch);
  }
  return [...seqs.values()].map(({ session_id, thread, seqs: $in }) => ({
    namespace,
    session_id,
    thread,
    seq: { $in },
  }));
}
