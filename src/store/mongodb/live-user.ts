import type { ClientSession, Db } from 'mongodb';
import { userNamespace } from '../../domain/fact-namespace.ts';
import { usersOf } from './documents.ts';

/** The filter for a live user. */
export const liveUser = (namespace: string, user_id: string) => ({
  ...{ namespace: userNamespace(namespace), user_id, live: true as const },
});

/**
 * Counts sessions that a live user gets in this transaction. This is a write, so that a deletion of the
 * user at the same time conflicts with it.
 *
 * @returns whether the user is live
 */
export async function countSessions(
  db: Db,
  owner: ReturnType<typeof liveUser>,
  count: number,
  session: ClientSession,
): Promise<boolean> {
  const update = { $inc: { sessions_added: count } };
  return (await usersOf(db).updateOne(owner, update, { session })).matchedCount > 0;
}

/** Whether a user is live. Without transactions, this may change before the next write. */
export async function isLiveUser(db: Db, owner: ReturnType<typeof liveUser>): Promise<boolean> {
  return (await usersOf(db).findOne(owner)) !== null;
}
