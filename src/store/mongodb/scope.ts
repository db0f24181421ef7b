import type { Db, Document } from 'mongodb';
import type { Extent, SearchScope, TimeRange } from '../search-store.ts';
import type { Reach } from '../store.ts';
import { type SessionDocument, sessionsOf } from './documents.ts';

/** A session by its identifier, if it is in reach. */
export interface Target extends Reach {
  session_id: string;
}

/** What the messages of a scope have in common. */
export type Scope = { namespace: string; user_id?: string; session_id?: string; thread?: string };

type LiveThread = Pick<SessionDocument, 'session_id' | 'thread' | 'base_seq' | 'last_seq'>;

const LIVE_FIELDS = { _id: 0, session_id: 1, thread: 1, base_seq: 1, last_seq: 1 };

/**
 * Stages that find the sessions, or messages, in reach by their identifiers. The limit keeps the server
 * from taking the two conditions for one, which an index on users would serve as well, and take the
 * longer the more of them the user has.
 *
 * @param identified a condition that no more than `limit` of the namespace can meet
 */
export function reachedStages(
  { namespace, user_id }: Reach,
  identified: Document,
  limit = 1,
): Document[] {
  const named = { $match: { namespace, ...identified } };
  return user_id === undefined ? [named] : [named, { $limit: limit }, { $match: { user_id } }];
}

/**
 * The session, live or soft-deleted unless `condition` says which.
 *
 * @param fields a projection; without it, all of the session
 */
export async function findReached<T extends Partial<SessionDocument> = SessionDocument>(
  db: Db,
  { session_id, ...reach }: Target,
  condition: Document = {},
  fields?: Document,
): Promise<T | null> {
  const [found] = await sessionsOf(db)
    .aggregate<T>([
      ...reachedStages(reach, { session_id, ...condition }),
      ...(fields === undefined ? [] : [{ $project: fields }]),
    ])
    .toArray();
  return found ?? null;
}

/**
 * The filter of a change: it applies to no session that is out of reach. A planner that tries its
 * indexes takes the one on identifiers, which has a single key for it.
 */
export function reachedFilter({ namespace, user_id, session_id }: Target) {
  return { namespace, session_id, ...(user_id !== undefined && { user_id }) };
}

/** Where a search looks. */
export interface Scoped {
  /** What the messages have in common, in the order of an index. */
  filter: Scope;
  /** In one session, its live thread as it was a moment ago: nobody has to ask for it again. */
  live?: ReadonlyMap<string, Extent>;
}

/** @returns `undefined` if there is nothing in the scope */
export async function scopeOf(
  db: Db,
  namespace: string,
  { session_id, user_id }: SearchScope,
): Promise<Scoped | undefined> {
  if (session_id === undefined) {
    return { filter: user_id === undefined ? { namespace } : { namespace, user_id } };
  }
  const target = { namespace, session_id, user_id };
  const session = await findReached<LiveThread>(db, target, { live: true }, LIVE_FIELDS);
  if (session?.thread === undefined) return undefined;
  const { thread } = session;
  return { filter: { namespace, session_id, thread }, live: extentsOf([session]) };
}

export function isLive(
  { thread, seq }: { thread: string; seq: number },
  live: ReadonlyMap<string, Extent>,
): boolean {
  const extent = live.get(thread);
  return extent !== undefined && seq >= extent.first_seq && seq <= extent.last_seq;
}

/** The condition that something was created in a time. */
export function during({ since, until }: TimeRange) {
  const time = {
    ...(since !== undefined && { $gte: new Date(since) }),
    ...(until !== undefined && { $lte: new Date(until) }),
  };
  return Object.keys(time).length > 0 ? { created_at: time } : {};
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
  return extentsOf(live);
}

const extentsOf = (live: readonly LiveThread[]): Map<string, Extent> =>
  new Map(
    live.map(({ thread, base_seq, last_seq }) => [
      thread as string,
      { first_seq: base_seq + 1, last_seq },
    ]),
  );
