import type { Db } from 'mongodb';
import type { PurgeCounts, Store } from '../../port.ts';
import { finishAssignments } from '../assign-user.ts';
import { LONG_OPERATION_TIMEOUT_MS } from '../connection/client.ts';
import type { Connection } from '../connection/index.ts';
import { sessionsOf, usersOf } from '../documents.ts';
import { finishCascades } from '../user-cascade.ts';
import { countExpired, expiredUsers, withExpiredRanges } from './expired-counts.ts';
import { removeExpired, removeGivenUp, removeMessagesOf } from './messages.ts';
import { findOrphans, type OrphanScan } from './orphans.ts';
import { giveUpRanges } from './retired-ranges.ts';
import { purgeSessions } from './sessions.ts';

/**
 * The sweep. Expired sessions and users are purged by MongoDB itself, too, through the TTL indexes
 * (connection/ttl-index.ts). What belonged to them cannot be read from then on, and is removed here, in
 * commands of a bounded size.
 *
 * It never races with a restore: restoring a session or its retired ranges is one write of the session's
 * document, and so is purging either of them. One of the two writes comes first, and the other no
 * longer applies.
 */
export function mongoPurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  /** The uuids of sessions that are gone and may have messages left. A crash leaves them to the scan. */
  const gone = new Set<string>();
  const scan: OrphanScan = {};
  return {
    countExpired: (cutoff) =>
      connection.run(({ db }) => countExpired(db, cutoff), LONG_OPERATION_TIMEOUT_MS),

    purge: (cutoff, limit) =>
      connection.run(async ({ db, sharded, deadline }): Promise<PurgeCounts> => {
        const left = await removeMessagesOf(db, gone, limit);
        if (left > 0) return { sessions: 0, messages: left, users: 0 };
        // Changes of users that a killed server, or a call without time left, has not finished.
        await finishCascades(db);
        await finishAssignments(db);
        // Users first: a session that was deleted with its user can only be purged after that.
        const users = await purgeUsers(db, cutoff, limit);
        const purged = await purgeSessions(db, cutoff, limit);
        for (const uuid of purged) gone.add(uuid);
        await giveUpExpiredRanges(db, cutoff, limit);
        const sessions = purged.length;
        let messages = await removeMessagesOf(db, gone, limit);
        messages += await removeGivenUp(db, limit - messages);
        messages += await removeExpired(db, cutoff, limit - messages);
        if (users + sessions + messages === 0) {
          for (const uuid of await findOrphans(db, scan, sharded, deadline)) gone.add(uuid);
          messages = await removeMessagesOf(db, gone, limit);
        }
        return { sessions, messages, users };
      }, LONG_OPERATION_TIMEOUT_MS),
  };
}

async function purgeUsers(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await usersOf(db)
    .find(expiredUsers(cutoff), { projection: { _id: 1 } })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const { deletedCount } = await usersOf(db).deleteMany({
    _id: { $in: ids },
    ...expiredUsers(cutoff),
  });
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
