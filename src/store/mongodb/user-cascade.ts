import type { ClientSession, Db, Document, Filter } from 'mongodb';
import { ownedNamespaces } from '../../domain/fact-namespace.ts';
import type { Progress } from '../port.ts';
import { INDEX } from './connection/indexes.ts';
import { inSession } from './connection/transaction.ts';
import { type SessionDocument, sessionsOf, type UserDocument, usersOf } from './documents.ts';

/**
 * How many sessions one command changes, and one transaction at most. MongoDB advises against changing
 * more documents in a transaction, and aborts one that its cache cannot hold:
 * https://www.mongodb.com/docs/manual/core/transactions-production-consideration/
 */
const BATCH_SIZE = 1000;

/** A change of a user that changes their sessions, too. */
export type Cascade = 'delete' | 'restore';

/** Whether a user has more sessions than one transaction can take. */
export async function ownsMany(db: Db, namespace: string, user_id: string): Promise<boolean> {
  const options = { hint: INDEX.ownedUpdated, limit: BATCH_SIZE + 1 };
  return (await sessionsOf(db).countDocuments({ namespace, user_id }, options)) > BATCH_SIZE;
}

/**
 * Applies a change of a user to every session of theirs. Without a transaction, it stops when the user no
 * longer carries the mark of the change: another process has finished it.
 *
 * Sessions used last come first: somebody may be writing them, and a transaction that meets such a write
 * has to begin anew. That had better happen early.
 *
 * @returns how many sessions are deleted together with the user
 */
export async function cascadeSessions(
  db: Db,
  user: UserDocument,
  cascade: Cascade,
  progress?: Progress,
  session?: ClientSession,
): Promise<number> {
  const options = inSession(session);
  const { _id: uuid, namespace, user_id } = user;
  const sessions = sessionsOf(db);
  const all = { namespace, user_id };
  const total = await sessions.countDocuments(all, { ...options, hint: INDEX.ownedUpdated });
  const steps = ownedNamespaces(namespace).flatMap((one) =>
    stepsOf(user, cascade).map((step) => ({ ...step, owned: { namespace: one, user_id } })),
  );
  let done = 0;
  for (const { filter, update, owned } of steps) {
    for (;;) {
      const found = await sessions
        .find({ ...owned, ...filter }, { ...options, projection: { _id: 1 } })
        .hint(INDEX.ownedUpdated)
        .sort({ updated_at: -1 })
        .limit(BATCH_SIZE)
        .toArray();
      if (found.length === 0) break;
      if (session === undefined && !(await isMarked(db, user, cascade))) break;
      const ids = { $in: found.map(({ _id }) => _id) };
      await sessions.updateMany({ ...owned, ...filter, _id: ids }, update, options);
      if (owned.namespace !== namespace) continue;
      done += found.length;
      progress?.(done, total);
    }
  }
  const together = { ...all, live: null, deleted_with_user: uuid };
  return sessions.countDocuments(together, { ...options, hint: INDEX.ownedUpdated });
}

/** Whether the user still carries the mark of the change. */
async function isMarked(db: Db, { _id }: UserDocument, cascade: Cascade): Promise<boolean> {
  return (await usersOf(db).findOne({ _id, cascade }, { projection: { _id: 1 } })) !== null;
}

/**
 * The updates of a change, and the sessions that each applies to. Sessions are marked with the user's
 * uuid: if the user is purged and another one added under the same identifier, restoring that one does
 * not restore them.
 */
function stepsOf(
  { _id: uuid, deleted_at }: UserDocument,
  cascade: Cascade,
): { filter: Filter<SessionDocument>; update: Document }[] {
  return cascade === 'delete'
    ? [
        {
          filter: { live: true },
          update: {
            $set: { live: null, deleted_at, user_deleted: uuid, deleted_with_user: uuid },
          },
        },
        {
          filter: { live: false },
          update: { $set: { live: null, user_deleted: uuid } },
        },
      ]
    : [
        {
          filter: { live: null, deleted_with_user: uuid },
          update: {
            $set: { live: true },
            $unset: { deleted_at: '', user_deleted: '', deleted_with_user: '' },
          },
        },
        {
          filter: { live: null, user_deleted: uuid },
          update: { $set: { live: false }, $unset: { user_deleted: '' } },
        },
      ];
}

/** Finishes the changes that a crash left unfinished. */
export async function finishCascades(db: Db): Promise<void> {
  const unfinished = await usersOf(db)
    .find({ cascade: { $exists: true } })
    .hint(INDEX.cascade)
    .toArray();
  for (const user of unfinished) await finishCascade(db, user);
}

/** Finishes the change that a user is marked with, and removes the mark. */
export async function finishCascade(db: Db, user: UserDocument): Promise<UserDocument | null> {
  const cascade = user.cascade as Cascade;
  const sessions = await cascadeSessions(db, user, cascade);
  return settleUser(db, user, cascade, sessions);
}

/** Stores on the user how many sessions are deleted with it, and removes the mark of the change. */
export async function settleUser(
  db: Db,
  { _id, namespace, user_id }: UserDocument,
  cascade: Cascade,
  sessions: number,
  session?: ClientSession,
): Promise<UserDocument | null> {
  const update =
    cascade === 'delete'
      ? { $set: { deleted_sessions: sessions }, $unset: { cascade: '' } }
      : { $unset: { deleted_sessions: '', cascade: '' } };
  const settled = await usersOf(db).findOneAndUpdate(
    { _id, namespace, user_id, ...(session === undefined && { cascade }) },
    update as Document,
    { returnDocument: 'after', ...inSession(session) },
  );
  return settled ?? usersOf(db).findOne({ namespace, user_id });
}
