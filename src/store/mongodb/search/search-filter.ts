import type { Db } from 'mongodb';
import type { SeqRange } from '../../../domain/positions.ts';
import type { SearchScope, TimeRange } from '../../search-port.ts';
import { findSession } from '../access-scope.ts';
import { type MessageKey, messageKey, type SessionDocument, sessionsOf } from '../documents.ts';

/** The fields that the messages of a search scope have in common, in the order of an index. */
export type MessageFilter = { user_id?: string } & Pick<MessageKey, 'namespace'> &
  Partial<MessageKey>;

/** The live messages of sessions, by the uuids of the sessions. A session that is not live is missing. */
export type LiveRanges = ReadonlyMap<string, SeqRange>;

type LiveSession = SeqRange & Pick<SessionDocument, '_id' | 'namespace' | 'session_id'>;

const LIVE_FIELDS = { namespace: 1, session_id: 1, first_seq: 1, last_seq: 1 };

/** Where a search reads messages. */
export interface SearchFilter {
  filter: MessageFilter;
  /** The live messages of the scope, if it is one session, which was read for the filter. */
  live?: LiveRanges;
}

/** @returns `undefined` if the scope has no live messages */
export async function toSearchFilter(
  db: Db,
  namespace: string,
  { session_id, user_id }: SearchScope,
): Promise<SearchFilter | undefined> {
  if (session_id === undefined) {
    return { filter: user_id === undefined ? { namespace } : { namespace, user_id } };
  }
  const ref = { namespace, session_id, user_id };
  const session = await findSession<LiveSession>(db, ref, { live: true }, LIVE_FIELDS);
  if (session === null || session.last_seq < session.first_seq) return undefined;
  return { filter: messageKey(session), live: toRanges([session]) };
}

/** The condition that something was created within a time range. */
export function createdWithin({ since, until }: TimeRange) {
  const time = {
    ...(since !== undefined && { $gte: new Date(since) }),
    ...(until !== undefined && { $lte: new Date(until) }),
  };
  return Object.keys(time).length > 0 ? { created_at: time } : {};
}

/** The live messages of the sessions that the found messages belong to. */
export async function findLiveRanges(
  db: Db,
  namespace: string,
  found: readonly { session_id: string }[],
): Promise<LiveRanges> {
  const ids = [...new Set(found.map(({ session_id }) => session_id))];
  if (ids.length === 0) return new Map();
  const live = await sessionsOf(db)
    .find({ namespace, session_id: { $in: ids }, live: true })
    .project<LiveSession>(LIVE_FIELDS)
    .toArray();
  return toRanges(live);
}

/** Whether a message is live. */
export function isLive(
  { session_uuid, seq }: { session_uuid: string; seq: number },
  live: LiveRanges,
): boolean {
  const range = live.get(session_uuid);
  return range !== undefined && seq >= range.first_seq && seq <= range.last_seq;
}

const toRanges = (live: readonly LiveSession[]): LiveRanges =>
  new Map(live.map(({ _id, first_seq, last_seq }) => [_id, { first_seq, last_seq }]));
