import type { Db } from 'mongodb';
import type { PurgeCounts } from '../../port.ts';
import { messagesOf, sessionsOf, usersOf } from '../documents.ts';
import { countGivenUp } from './messages.ts';
import { FIRST_KEPT_SEQ } from './retired-ranges.ts';

/** The condition that a record was soft-deleted by the cutoff. */
const expired = (cutoff: string) => ({ deleted_at: { $lte: new Date(cutoff) } });

/** The same for sessions. Leaves out tombstones: see orphans.ts. */
export const expiredSessions = (cutoff: string) => ({
  ...expired(cutoff),
  namespace: { $exists: true },
});

/** The same for users. Leaves out those whose deletion is not finished. */
export const expiredUsers = (cutoff: string) => ({
  ...expired(cutoff),
  cascade: { $exists: false },
});

/** The condition that a session has a range of messages that was retired by the cutoff. */
export const withExpiredRanges = (cutoff: string) => ({
  retired: { $exists: true },
  'retired.deleted_at': { $lte: new Date(cutoff) },
});

/** Counts what a purge up to the cutoff would remove, but for what is left of sessions that are gone. */
export async function countExpired(db: Db, cutoff: string): Promise<PurgeCounts> {
  const { sessions, messages } = await countSessions(db, cutoff);
  return {
    sessions,
    messages:
      messages +
      (await countRetired(db, cutoff)) +
      (await countGivenUp(db)) +
      (await messagesOf(db).countDocuments(expired(cutoff))),
    users: await usersOf(db).countDocuments(expired(cutoff)),
  };
}

/** Expired sessions and all of their messages, retired ones included. */
async function countSessions(db: Db, cutoff: string) {
  const messages = { $sum: { $add: [{ $subtract: ['$last_seq', FIRST_KEPT_SEQ] }, 1] } };
  const [sums] = await sessionsOf(db)
    .aggregate<{ sessions: number; messages: number }>([
      { $match: expiredSessions(cutoff) },
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
