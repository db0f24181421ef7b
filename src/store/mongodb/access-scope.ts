import type { Db, Document } from 'mongodb';
import type { SeqRange } from '../../domain/positions.ts';
import type { AccessScope } from '../common-port.ts';
import type { SearchScope, TimeRange } from '../search-port.ts';
import { type MessageKey, messageKey } from './append/session-head.ts';
import { type SessionDocument, sessionsOf } from './documents.ts';

/** A session by its identifier, if it is in reach. */
export interface SessionRef extends AccessScope {
  session_id: string;
}

/** What the messages of a scope have in common. */
export type MessageFilter = { user_id?: string } & Pick<MessageKey, 'namespace'> &
  Partial<MessageKey>;

type LiveSession = SeqRange & Pick<SessionDocument, '_id' | 'namespace' | 'session_id'>;

const LIVE_FIELDS = { namespace: 1, session_id: 1, first_seq: 1, last_seq: 1 };

/**
 * Stages that find the sessions, or messages, in reach by their identifiers. The limit keeps the server
 * from taking the two conditions for one, which an index on users would serve as well, and take the
 * longer the more of them the user has.
 *
 * @param identified a condition that no more than `limit` of the namespace can meet
 */
export function accessStages(
  { namespace, user_id }: AccessScope,
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
export async function findSession<T extends Partial<SessionDocument> = SessionDocument>(
  db: Db,
  { session_id, ...reach }: SessionRef,
  condition: Document = {},
  fields?: Document,
): Promise<T | null> {
  const [found] = await sessionsOf(db)
    .aggregate<T>([
      ...accessStages(reach, { session_id, ...condition }),
      ...(fields === undefined ? [] : [{ $project: fields }]),
    ])
    .toArray();
  return found ?? null;
}

/**
 * The filter of a change: it applies to no session that is out of reach. A planner that tries its
 * indexes takes the one on identifiers, which has a single key for it.
 */
export function accessFilter({ namespace, user_id, session_id }: SessionRef) {
  return { namespace, session_id, ...(user_id !== undefined && { user_id }) };
}

/** Where a search looks. */
export interface SearchFilter {
  /** What the messages have in common, in the order of an index. */
  filter: MessageFilter;
  /** In one session, its live messages as they were a moment ago: nobody has to ask for them again. */
  live?: ReadonlyMap<string, SeqRange>;
}

/** @returns `undefined` if there is nothing in the scope */
export async function toSearchFilter(
  db: Db,
  namespace: string,
  { session_id, user_id }: SearchScope,
): Promise<SearchFilter | undefined> {
  if (session_id === undefined) {
    return { filter: user_id === undefined ? { namespace } : { namespace, user_id } };
  }
  const target = { namespace, session_id, user_id };
  const session = await findSession<LiveSession>(db, target, { live: true }, LIVE_FIELDS);
  if (session === null || session.last_seq < session.first_seq) return undefined;
  return { filter: messageKey(session), live: rangesOf([session]) };
}

export function isLive(
  { session_uuid, seq }: { session_uuid: string; seq: number },
  live: ReadonlyMap<string, SeqRange>,
): boolean {
  const range = live.get(session_uuid);
  return range !== undefined && seq >= range.first_seq && seq <= range.last_seq;
}

/** The condition that something was created in a time. */
export function during({ since, until }: TimeRange) {
  const time = {
    ...(since !== undefined && { $gte: new Date(since) }),
    ...(until !== undefined && { $lte: new Date(until) }),
  };
  return Object.keys(time).length > 0 ? { created_at: time } : {};
}

/** The live messages of the sessions that some are in, by the uuids of the sessions that are live. */
export async function liveRanges(
  db: Db,
  namespace: string,
  found: readonly { session_id: string }[],
): Promise<Map<string, SeqRange>> {
  const ids = [...new Set(found.map(({ session_id }) => session_id))];
  if (ids.length === 0) return new Map();
  const live = await sessionsOf(db)
    .find({ namespace, session_id: { $in: ids }, live: true })
    .project<LiveSession>(LIVE_FIELDS)
    .toArray();
  return rangesOf(live);
}

const rangesOf = (live: readonly LiveSession[]): Map<string, SeqRange> =>
  new Map(live.map(({ _id, first_seq, last_seq }) => [_id, { first_seq, last_seq }]));
