import type { Db, Filter } from 'mongodb';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
} from '../documents.ts';
import { FIRST_KEPT_SEQ, firstKeptSeq } from './retired-ranges.ts';

/** How many sessions one command names. */
const SESSIONS_PER_COMMAND = 500;

/**
 * Removes up to `limit` messages of purged sessions, with their vectors.
 *
 * @param sessions uuids; those of which nothing is left are taken out
 */
export async function removeMessagesOf(
  db: Db,
  sessions: Set<string>,
  limit: number,
): Promise<number> {
  let count = 0;
  while (sessions.size > 0 && count < limit) {
    const uuids = [...sessions].slice(0, SESSIONS_PER_COMMAND);
    const theirs = { session_uuid: { $in: uuids } };
    const { removed, all } = await removeMessages(db, theirs, limit - count);
    count += removed;
    if (!all) break;
    await vectorsOf(db).deleteMany(theirs);
    for (const uuid of uuids) sessions.delete(uuid);
  }
  return count;
}

/** Removes up to `limit` messages of retired ranges that can no longer be put back. */
export async function removeGivenUp(db: Db, limit: number): Promise<number> {
  if (limit <= 0) return 0;
  const sessions = await findPurging(db);
  if (sessions.length === 0) return 0;
  const messages = belowKept(sessions);
  const { removed, all } = await removeMessages(db, messages, limit);
  if (!all) return removed;
  await vectorsOf(db).deleteMany(messages);
  await sessionsOf(db).bulkWrite(sessions.map(withoutMark));
  return removed;
}

/** Removes up to `limit` messages that were deleted individually, as the TTL index does. */
export async function removeExpired(db: Db, cutoff: string, limit: number): Promise<number> {
  if (limit <= 0) return 0;
  const found = await messagesOf(db)
    .find({ deleted_at: { $lte: new Date(cutoff) } }, { projection: { _id: 1 } })
    .limit(limit)
    .toArray();
  if (found.length === 0) return 0;
  const _id = { $in: found.map((message) => message._id) };
  return (await messagesOf(db).deleteMany({ _id, deleted_at: { $exists: true } })).deletedCount;
}

/** Counts what `removeGivenUp` would remove, of some sessions. */
export async function countGivenUp(db: Db): Promise<number> {
  const sessions = await findPurging(db);
  if (sessions.length === 0) return 0;
  return messagesOf(db).countDocuments(belowKept(sessions));
}

/** Some sessions that have messages of given-up ranges left. */
const findPurging = (db: Db) =>
  sessionsOf(db)
    .find({ purging: true }, { projection: { first_seq: 1, 'retired.first_seq': 1 } })
    .limit(SESSIONS_PER_COMMAND)
    .toArray();

/** The condition that a message lies below what sessions keep. */
const belowKept = (sessions: readonly SessionDocument[]) => ({
  $or: sessions.map((session) => ({
    session_uuid: session._id,
    seq: { $lt: firstKeptSeq(session) },
  })),
});

/** Not if further ranges of the session have expired meanwhile. */
const withoutMark = (session: SessionDocument) => ({
  updateOne: {
    filter: { _id: session._id, $expr: { $eq: [FIRST_KEPT_SEQ, firstKeptSeq(session)] } },
    update: { $unset: { purging: '' as const } },
  },
});

/** @returns how many messages were removed, and whether those were all */
async function removeMessages(
  db: Db,
  filter: Filter<MessageDocument>,
  limit: number,
): Promise<{ removed: number; all: boolean }> {
  const found = await messagesOf(db)
    .find(filter, { projection: { _id: 1 } })
    .limit(limit)
    .toArray();
  if (found.length === 0) return { removed: 0, all: true };
  const { deletedCount } = await messagesOf(db).deleteMany({
    _id: { $in: found.map(({ _id }) => _id) },
  });
  return { removed: deletedCount, all: found.length < limit };
}
