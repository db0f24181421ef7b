import type { Db } from 'mongodb';
import { type SessionDocument, sessionsOf, usersOf } from '../documents.ts';
import { expiredSessions } from './expired-counts.ts';

/**
 * Purges up to `limit` sessions that were soft-deleted by the cutoff. Nobody can read their messages from
 * then on, and orphans.ts removes them.
 *
 * @returns the uuids of the purged sessions
 */
export async function purgeSessions(db: Db, cutoff: string, limit: number): Promise<string[]> {
  const found = await sessionsOf(db)
    .find(expiredSessions(cutoff), { projection: { deleted_with_user: 1 } })
    .sort({ deleted_at: 1 })
    .limit(limit)
    .toArray();
  const ids = (await withoutUsers(db, found)).map(({ _id }) => _id);
  if (ids.length === 0) return [];
  const those = { _id: { $in: ids } };
  const { deletedCount } = await sessionsOf(db).deleteMany({
    ...those,
    ...expiredSessions(cutoff),
  });
  if (deletedCount === ids.length) return ids;
  // Some were restored meanwhile, or another purge has removed them.
  const there = await sessionsOf(db)
    .find(those, { projection: { _id: 1 } })
    .toArray();
  const kept = new Set(there.map(({ _id }) => _id));
  return ids.filter((id) => !kept.has(id));
}

/** Purges one session, if it was soft-deleted by the cutoff. */
export async function purgeSession(
  db: Db,
  namespace: string,
  session_id: string,
  cutoff: string,
): Promise<void> {
  const one = { ...expiredSessions(cutoff), namespace, session_id };
  const found = await sessionsOf(db)
    .find(one, { projection: { deleted_with_user: 1 } })
    .toArray();
  for (const { _id } of await withoutUsers(db, found)) {
    await sessionsOf(db).deleteOne({ ...one, _id });
  }
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
