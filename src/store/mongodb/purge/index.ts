import type { Db } from 'mongodb';
import type { PurgeCounts, Store } from '../../port.ts';
import type { Connection } from '../connection/index.ts';
import { sessionsOf, usersOf } from '../documents.ts';
import { countExpired, expired, withExpiredRanges } from './expired-counts.ts';
import { purgeMessagesOfPurged, purgeRetired } from './messages.ts';
import { giveUpRanges } from './retired-ranges.ts';
import { purgeSessions } from './sessions.ts';
import { type Progress, removeUnbegun } from './unbegun-sessions.ts';

/**
 * The sweep for what the TTL indexes (connection/ttl-index.ts) cannot purge: sessions with messages, and
 * retired ranges of messages.
 *
 * It never races with a restore: restoring a session or its retired ranges is one write of the session's
 * document, and so is purging either of them. One of the two writes comes first, and the other no
 * longer applies.
 */
export function mongoPurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  const progress: Progress = {};
  return {
    countExpired: (cutoff) => connection.run(({ db }) => countExpired(db, cutoff)),

    async purge(cutoff, limit) {
      const unbegun = await connection.run(({ db }) => removeUnbegun(db, progress));
      return connection.run(async ({ db }): Promise<PurgeCounts> => {
        // Users first: a session that was deleted with its user can only be purged after that.
        const users = await purgeUsers(db, cutoff, limit);
        const sessions = await purgeSessions(db, cutoff, limit);
        await giveUpExpiredRanges(db, cutoff, limit);
        const ofSessions = await purgeMessagesOfPurged(db, limit);
        const ofRetired = await purgeRetired(db, limit - ofSessions);
        return { sessions, messages: unbegun + ofSessions + ofRetired, users };
      });
    },
  };
}

async function purgeUsers(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await usersOf(db)
    .find(expired(cutoff), { projection: { _id: 1 } })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const { deletedCount } = await usersOf(db).deleteMany({ _id: { $in: ids }, ...expired(cutoff) });
  return deletedCount;
}

/** Gives up retired ranges that have expired: nobody can put them back from then on. */
async function giveUpExpiredRanges(db: Db, cutoff: string, limit: number): Promise<void> {
  const found = await sessionsOf(db)
    .find(withExpiredRanges(cutoff), { projection: { _id: 1 } })
    .limit(limit)
    .toArray();
  if (found.length === 0) return;
  const _id = { $in: found.map((session) => session._id) };
  const update = giveUpRanges(new Date(cutoff));
  await sessionsOf(db).updateMany({ _id, ...withExpiredRanges(cutoff) }, update);
}
