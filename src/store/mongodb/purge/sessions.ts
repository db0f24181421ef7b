import type { Db } from 'mongodb';
import {
  type PurgedSessionDocument,
  purgedSessionsOf,
  type SessionDocument,
  sessionsOf,
  usersOf,
} from '../documents.ts';
import { expired } from './expired-counts.ts';

/** The fields of a session that a purge reads. */
const PURGED_FIELDS = { namespace: 1, session_id: 1, deleted_with_user: 1 };

/** Purges up to `limit` sessions that were soft-deleted by the cutoff. Their messages follow. */
export async function purgeSessions(db: Db, cutoff: string, limit: number): Promise<number> {
  const found = await sessionsOf(db)
    .find(expired(cutoff), { projection: PURGED_FIELDS })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  return purgeFound(db, await withoutUsers(db, found), cutoff);
}

/** Purges one session, if it was soft-deleted by the cutoff. */
export async function purgeSession(
  db: Db,
  namespace: string,
  session_id: string,
  cutoff: string,
): Promise<void> {
  const one = { namespace, session_id, ...expired(cutoff) };
  const found = await sessionsOf(db).find(one, { projection: PURGED_FIELDS }).toArray();
  await purgeFound(db, await withoutUsers(db, found), cutoff);
}

/** Lists the sessions as purged before it removes them, so that a crash leaves no messages unlisted. */
async function purgeFound(db: Db, found: SessionDocument[], cutoff: string): Promise<number> {
  if (found.length === 0) return 0;
  await listPurged(db, found);
  const ids = found.map(({ _id }) => _id);
  const gone = { _id: { $in: ids }, ...expired(cutoff) };
  const { deletedCount } = await sessionsOf(db).deleteMany(gone);
  return deletedCount;
}

/** Leaves out sessions whose user can still be restored: that would restore them, too. */
async function withoutUsers(db: Db, sessions: SessionDocument[]): Promise<SessionDocument[]> {
  const users = sessions.flatMap(({ deleted_with_user }) => deleted_with_user ?? []);
  if (users.length === 0) return sessions;
  const there = await usersOf(db)
    .find({ _id: { $in: [...new Set(users)] } }, { projection: { _id: 1 } })
    .toArray();
  const kept = new Set(there.map(({ _id }) => _id));
  return sessions.filter(({ deleted_with_user }) => !kept.has(deleted_with_user ?? ''));
}

async function listPurged(db: Db, sessions: readonly PurgedSessionDocument[]): Promise<void> {
  await purgedSessionsOf(db).bulkWrite(
    sessions.map(({ _id, namespace, session_id }) => ({
      updateOne: {
        filter: { _id },
        update: { $setOnInsert: { namespace, session_id } },
        upsert: true,
      },
    })),
  );
}
