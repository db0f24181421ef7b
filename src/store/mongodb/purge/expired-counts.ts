import type { Db } from 'mongodb';
import type { PurgeCounts } from '../../port.ts';
import {
  messageKey,
  messagesOf,
  purgedSessionsOf,
  type SessionDocument,
  sessionsOf,
  usersOf,
} from '../documents.ts';
import { FIRST_KEPT_SEQ, firstKeptSeq } from './retired-ranges.ts';

/** How many purged sessions, and sessions with given-up ranges, a dry run counts messages of. */
const MAX_COUNTED = 10_000;

/** The condition that a record was soft-deleted by the cutoff. */
export const expired = (cutoff: string) => ({ deleted_at: { $lte: new Date(cutoff) } });

/** The condition that a session has a range of messages that was retired by the cutoff. */
export const withExpiredRanges = (cutoff: string) => ({
  retired: { $exists: true },
  'retired.deleted_at': { $lte: new Date(cutoff) },
});

/** Counts what a purge up to the cutoff would remove. */
export async function countExpired(db: Db, cutoff: string): Promise<PurgeCounts> {
  const { sessions, messages } = await countSessions(db, cutoff);
  return {
    sessions,
    messages: messages + (await countRetired(db, cutoff)) + (await countUnrestorable(db)),
    users: await usersOf(db).countDocuments(expired(cutoff)),
  };
}

/** Expired sessions and all of their messages, retired ones included. */
async function countSessions(db: Db, cutoff: string) {
  const messages = { $sum: { $add: [{ $subtract: ['$last_seq', FIRST_KEPT_SEQ] }, 1] } };
  const [sums] = await sessionsOf(db)
    .aggregate<{ sessions: number; messages: number }>([
      { $match: expired(cutoff) },
      { $group: { _id: null, sessions: { $sum: 1 }, messages } },
    ])
    .toArray();
  return sums ?? { sessions: 0, messages: 0 };
}

/** Messages of expired retired ranges in sessions that stay. */
async function countRetired(db: Db, cutoff: string): Promise<number> {
  const length = { $add: [{ $subtract: ['$retired.last_seq', '$retired.first_seq'] }, 1] };
  const [sum] = await sessionsOf(db)
    .aggregate<{ messages: number }>([
      { $match: { ...withExpiredRanges(cutoff), $nor: [expired(cutoff)] } },
      { $unwind: '$retired' },
      { $match: { 'retired.deleted_at': { $lte: new Date(cutoff) } } },
      { $group: { _id: null, messages: { $sum: length } } },
    ])
    .toArray();
  return sum?.messages ?? 0;
}

/** Messages of sessions that are gone, and of retired ranges that were given up. */
async function countUnrestorable(db: Db): Promise<number> {
  const purged = await purgedSessionsOf(db).find().limit(MAX_COUNTED).toArray();
  const there = await sessionsOf(db)
    .find({ _id: { $in: purged.map(({ _id }) => _id) } })
    .project({ _id: 1 })
    .toArray();
  const kept = new Set(there.map(({ _id }) => _id));
  const purging = await findPurging(db, MAX_COUNTED);
  let messages = 0;
  for (const session of purged) {
    if (kept.has(session._id)) continue;
    messages += await messagesOf(db).countDocuments(messageKey(session));
  }
  for (const session of purging) {
    const below = { ...messageKey(session), seq: { $lt: firstKeptSeq(session) } };
    messages += await messagesOf(db).countDocuments(below);
  }
  return messages;
}

/** Sessions that have messages of given-up ranges left. */
export function findPurging(db: Db, limit: number): Promise<SessionDocument[]> {
  const projection = { namespace: 1, session_id: 1, first_seq: 1, 'retired.first_seq': 1 };
  return sessionsOf(db).find({ purging: true }, { projection }).limit(limit).toArray();
}
