import { type Collection, type Db, MongoBulkWriteError } from 'mongodb';
import { isDuplicateKey } from '../connection/errors.ts';
import { INDEX } from '../connection/indexes.ts';
import {
  type MessageKey,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
} from '../documents.ts';

/** How many sessions one command compares with what there is of messages. */
const SESSIONS_PER_COMMAND = 1000;

/** How many orphans one command returns. */
const MAX_FOUND = 5000;

/** How long before its deadline a look ends, in milliseconds. The next one continues there. */
const RESERVE_MS = 10_000;

/** Younger sessions are left out: most likely somebody is inserting them. */
const MIN_AGE_MS = 10_000;

/**
 * The same on a sharded cluster, where a tombstone on one shard does not exclude a session with its uuid on
 * another. This is how far the clocks of servers may differ there.
 */
const SHARDED_MIN_AGE_MS = 600_000;

/** Where a look through the sessions has come to: the uuid of a session. */
export interface OrphanScan {
  after?: string | undefined;
}

/**
 * Finds sessions that are gone and have messages or vectors left: MongoDB has purged them by the
 * TTL index, a purge was killed before it came to the messages, or an append to a new session was killed
 * before it inserted the session.
 *
 * Compares the uuids of some thousand sessions in their order with those of the messages in the same
 * range. The server does not read what belongs to the sessions that are there: `$nin` on an index is a
 * list of the ranges in between.
 *
 * @param scan where to begin; changed to where the next look begins
 * @param deadline in milliseconds since 1970
 * @returns uuids of sessions, which nobody can insert any more
 */
export async function findOrphans(
  db: Db,
  scan: OrphanScan,
  sharded: boolean,
  deadline: number,
): Promise<string[]> {
  const until = uuidAt(Date.now() - (sharded ? SHARDED_MIN_AGE_MS : MIN_AGE_MS));
  while (Date.now() < deadline - RESERVE_MS) {
    const { after = '' } = scan;
    const there = await sessionsOf(db)
      .find({ _id: { $gt: after, $lt: until } }, { projection: { namespace: 1 } })
      .sort({ _id: 1 })
      .limit(SESSIONS_PER_COMMAND)
      .toArray();
    const known = there.filter(isSession).map(({ _id }) => _id);
    const last = there.length < SESSIONS_PER_COMMAND ? undefined : there.at(-1)?._id;
    const end = last === undefined ? { $lt: until } : { $lte: last };
    const without = { $gt: after, ...end, $nin: known };
    const found = await Promise.all([
      ownersIn(messagesOf(db), without),
      ownersIn(vectorsOf(db), without),
    ]);
    const uuids = new Set(found.flat());
    // Tombstones of a sweep that ended before it had removed their messages.
    const buried = there.map(({ _id }) => _id).filter((uuid) => uuids.has(uuid));
    for (const uuid of buried) uuids.delete(uuid);
    const orphaned = [...buried, ...(await claimed(db, [...uuids]))];
    // A result that is cut off continues in the same range, once these are removed.
    const isCut = found.some((some) => some.length === MAX_FOUND);
    if (orphaned.length === 0 || !isCut) scan.after = last;
    if (orphaned.length > 0 || last === undefined) return orphaned;
  }
  return [];
}

/** Tombstones have no namespace. */
const isSession = ({ namespace }: Partial<SessionDocument>) => namespace !== undefined;

/** The sessions in a range of uuids that documents of a collection belong to. */
async function ownersIn<T extends MessageKey>(
  collection: Collection<T>,
  session_uuid: object,
): Promise<string[]> {
  const found = await (collection as unknown as Collection<MessageKey>)
    .find({ session_uuid })
    .project<Pick<MessageKey, 'session_uuid'>>({ _id: 0, session_uuid: 1 })
    .hint(INDEX.position)
    .limit(MAX_FOUND)
    .toArray();
  return found.map((document) => document.session_uuid);
}

/**
 * Inserts tombstones, which the TTL index removes. A writer that is about to insert a session with such a
 * uuid begins anew with another uuid.
 *
 * @returns the uuids that no session has
 */
async function claimed(db: Db, uuids: string[]): Promise<string[]> {
  if (uuids.length === 0) return [];
  const deleted_at = new Date();
  const tombstones = uuids.map((_id) => ({ _id, session_id: _id, live: null, deleted_at }));
  try {
    await sessionsOf(db).insertMany(tombstones as unknown as SessionDocument[], {
      ordered: false,
    });
    return uuids;
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || !isDuplicateKey(error)) throw error;
    const taken = new Set(error.result.getWriteErrors().map(({ index }) => index));
    return uuids.filter((_, index) => !taken.has(index));
  }
}

/** What UUIDs of version 7 start with that were made at a time (RFC 9562, section 5.7). */
function uuidAt(time: number): string {
  const hex = Math.max(0, time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}
