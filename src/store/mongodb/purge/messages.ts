import type { Db } from 'mongodb';
import {
  type MessageKey,
  messageKey,
  messagesOf,
  purgedSessionsOf,
  sessionsOf,
  summariesOf,
  vectorsOf,
} from '../documents.ts';
import { findPurging } from './expired-counts.ts';
import { FIRST_KEPT_SEQ, firstKeptSeq } from './retired-ranges.ts';

/** Purges messages of purged sessions, and takes sessions without any off the list. */
export async function purgeMessagesOfPurged(db: Db, limit: number): Promise<number> {
  let purged = 0;
  for (const session of await purgedSessionsOf(db).find().limit(limit).toArray()) {
    const { _id } = session;
    const there = await sessionsOf(db).findOne({ _id }, { projection: { live: 1 } });
    if (there !== null) {
      // It was restored, or else another purge has listed it and is about to remove it.
      if (there.live === true) await purgedSessionsOf(db).deleteOne({ _id });
      continue;
    }
    const removed = await removeMessages(db, messageKey(session), limit - purged);
    purged += removed.messages;
    if (purged >= limit) break;
    if (removed.all) await purgedSessionsOf(db).deleteOne({ _id });
  }
  return purged;
}

/** Purges messages of retired ranges that can no longer be put back. */
export async function purgeRetired(db: Db, limit: number): Promise<number> {
  let purged = 0;
  if (limit <= 0) return purged;
  for (const session of await findPurging(db, limit)) {
    const below = firstKeptSeq(session);
    const removed = await removeMessages(db, messageKey(session), limit - purged, below);
    purged += removed.messages;
    if (purged >= limit) break;
    if (!removed.all) continue;
    // Not if further ranges have expired meanwhile.
    const unchanged = { _id: session._id, $expr: { $eq: [FIRST_KEPT_SEQ, below] } };
    await sessionsOf(db).updateOne(unchanged, { $unset: { purging: '' } });
  }
  return purged;
}

/**
 * Removes up to `limit` messages of a session. After the last of them, removes their summaries and
 * vectors.
 *
 * @param below only messages with a smaller `seq`, and what belongs to them
 * @returns how many messages were removed, and whether those were all
 */
async function removeMessages(
  db: Db,
  key: MessageKey,
  limit: number,
  below = Number.MAX_SAFE_INTEGER,
): Promise<{ messages: number; all: boolean }> {
  const those = { ...key, seq: { $lt: below } };
  const found = await messagesOf(db)
    .find(those, { projection: { _id: 1 }, limit })
    .toArray();
  const ids = found.map(({ _id }) => _id);
  const messages =
    ids.length === 0
      ? 0
      : (await messagesOf(db).deleteMany({ ...those, _id: { $in: ids } })).deletedCount;
  if (found.length >= limit) return { messages, all: false };
  await summariesOf(db).deleteMany({ ...key, up_to_seq: { $lt: below } });
  await vectorsOf(db).deleteMany(those);
  return { messages, all: true };
}
