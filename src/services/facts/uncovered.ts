import { LRUCache } from 'lru-cache';
import type { Session } from '../../domain/records.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import type { FactAccess } from './access.ts';
import { coverageOf, type FactReader, sessionState } from './coverage.ts';
import type { FactPlace } from './lookup.ts';

/** How many of the last used sessions of a user are looked at. */
const SESSIONS_MAX = 20;

/** How many sessions are remembered: those that were told of uncovered messages, and those without any. */
const TOLD_MAX = 10_000;
const COVERED_MAX = 20_000;

const READERS: readonly FactReader[] = ['agent', 'model'];

/** Messages of a session from which no facts were drawn. */
export interface UncoveredMessages {
  session_id: string;
  /** The number of the first of them. */
  from_seq: number;
  /** At most so many: messages that were deleted alone are counted as long as others are left. */
  count: number;
}

/** Returns the functions that find messages from which neither the agent nor the server's model has drawn facts. */
export function createUncovered({ extractsFacts }: Dependencies, { open }: FactAccess) {
  const told = new LRUCache<string, true>({ max: TOLD_MAX });
  /** The states of sessions without uncovered messages, by their uuids. */
  const covered = new LRUCache<string, string>({ max: COVERED_MAX });

  /** The last used sessions of a user, and where their facts are. */
  async function lastUsed(caller: Caller, user_id: string) {
    const { store, place } = await open(caller, user_id);
    const { records: sessions } = await store.sessions.list(
      place.namespace,
      { user_id, order_by: 'updated_at', order: 'desc', deleted: 'exclude' },
      { limit: SESSIONS_MAX, metadataMaxBytes: 0 },
    );
    return { place, sessions };
  }

  /**
   * Those of a user, in their last used sessions, the last used first. Sessions without any are left out.
   *
   * @throws ServiceError NOT_FOUND if there is no such user
   */
  async function uncovered(caller: Caller, user_id: string): Promise<UncoveredMessages[]> {
    const { place, sessions } = await lastUsed(caller, user_id);
    return uncoveredIn(place, sessions, READERS);
  }

  /** The same, but sessions without any are not looked at again until they change. */
  async function uncoveredInChanged(caller: Caller, user_id: string): Promise<UncoveredMessages[]> {
    const { place, sessions } = await lastUsed(caller, user_id);
    const changed = sessions.filter((one) => covered.get(one.uuid) !== sessionState(one));
    if (changed.length === 0) return [];
    const found = await uncoveredIn(place, changed, READERS);
    const left = new Set(found.map(({ session_id }) => session_id));
    for (const one of changed) {
      if (!left.has(one.session_id)) covered.set(one.uuid, sessionState(one));
    }
    return found;
  }

  /**
   * Those of the user of a session, once for each session: whoever was told needs no reminder. None where the
   * server's model reads them. It never throws: the call that it goes with is worth more.
   */
  async function uncoveredOnce(
    caller: Caller,
    { uuid, user_id }: Pick<Session, 'uuid' | 'user_id'>,
  ): Promise<UncoveredMessages[]> {
    if (extractsFacts === true || user_id === undefined || told.has(uuid)) return [];
    const found = await uncoveredInChanged(caller, user_id).catch(() => []);
    if (found.length > 0) told.set(uuid, true);
    return found;
  }

  return { uncovered, uncoveredOnce };
}

/** What some readers have not read in sessions of a user. Sessions without any are left out. */
export async function uncoveredIn(
  place: FactPlace,
  sessions: readonly Session[],
  readers: readonly FactReader[],
): Promise<UncoveredMessages[]> {
  const uuids = sessions.map(({ uuid }) => uuid);
  const through = await coverageOf(place, uuids, readers);
  const found = await Promise.all(
    sessions.map(({ session_id, uuid }) => uncoveredOf(place, session_id, through.get(uuid) ?? 0)),
  );
  return found.filter(({ count }) => count > 0);
}

/** What is uncovered in a session that was read up to a message. */
async function uncoveredOf(
  { store, namespace }: FactPlace,
  session_id: string,
  through_seq: number,
): Promise<UncoveredMessages> {
  const nothing = { limit: 1, metadataMaxBytes: 0, enough: { total: 0, each: 0 } };
  const found = await store.messages.read({ namespace }, session_id, { order: 'desc', ...nothing });
  if (found === undefined) return { session_id, from_seq: 1, count: 0 };
  const { session, first_seq, last_seq } = found.conversation;
  const from_seq = Math.max(first_seq, through_seq + 1);
  const isLive = session.deleted_at === undefined;
  const count = isLive ? Math.max(0, last_seq - from_seq + 1) : 0;
  return { session_id, from_seq, count: Math.min(count, session.message_count) };
}
