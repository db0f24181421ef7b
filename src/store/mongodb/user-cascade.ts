import type { ClientSession, Db, Document, Filter } from 'mongodb';
import type { Progress } from '../port.ts';
import { INDEX } from './connection/indexes.ts';
import { type SessionDocument, sessionsOf, type UserDocument, usersOf } from './documents.ts';

/**
 * How many sessions one command takes through a change of their user, and one transaction at the
 * most: MongoDB advises against changing more documents in one, and refuses what its cache does not
 * hold. https://www.mongodb.com/docs/manual/core/transactions-production-consideration/
 */
const STEP = 1000;

/** A change of a user that goes through their sessions. */
export type Cascade = 'delete' | 'restore';

/** Whether a user has more sessions than one transaction can take. */
export async function ownsMany(db: Db, namespace: string, user_id: string): Promise<boolean> {
  const options = { hint: INDEX.ownedUpdated, limit: STEP + 1 };
  return (await sessionsOf(db).countDocuments({ namespace, user_id }, options)) > STEP;
}

/**
 * Takes every session of a user through a change. Within a transaction it happens at once; without
 * one it goes on only while the user carries the mark of the change.
 *
 * The sessions used last come first: somebody may be writing them, and a transaction that meets such
 * a write has to begin anew, better early than late.
 *
 * @returns how many sessions take part in the user's deletion
 */
export async function cascadeSessions(
  db: Db,
  user: UserDocument,
  cascade: Cascade,
  progress?: Progress,
  session?: ClientSession,
): Promise<number> {
  const within = session === undefined ? {} : { session };
  const { _id: uuid, namespace, user_id } = user;
  const owned = { namespace, user_id };
  const sessions = sessionsOf(db);
  const total = await sessions.countDocuments(owned, { ...within, hint: INDEX.ownedUpdated });
  let done = 0;
  for (const { filter, update } of stepsOf(user, cascade)) {
    for (;;) {
      const found = await sessions
        .find({ ...owned, ...filter }, { ...within, projection: { _id: 1 } })
        .hint(INDEX.ownedUpdated)
        .sort({ updated_at: -1 })
        .limit(STEP)
        .toArray();
      if (found.length === 0) break;
      if (session === undefined && !(await isMarked(db, user, cascade))) break;
      const ids = { $in: found.map(({ _id }) => _id) };
      await sessions.updateMany({ ...owned, ...filter, _id: ids }, update, within);
      done += found.length;
      progress?.(done, total);
    }
  }
  const together = { ...owned, live: null, deleted_with_user: uuid };
  return sessions.countDocuments(together, { ...within, hint: INDEX.ownedUpdated });
}

/** Whether nobody else has finished the change meanwhile. */
async function isMarked(db: Db, { _id }: UserDocument, cascade: Cascade): Promise<boolean> {
  return (await usersOf(db).findOne({ _id, cascade }, { projection: { _id: 1 } })) !== null;
}

/**
 * What to change on which sessions. They are marked with the user's uuid, not just as deleted: should
 * the user be purged and another one added under the same identifier, that one is not theirs.
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

/** Finishes the changes that a crash left half done. */
export async function finishCascades(db: Db): Promise<void> {
  const unfinished = await usersOf(db)
    .find({ cascade: { $exists: true } })
    .hint(INDEX.cascade)
    .toArray();
  for (const user of unfinished) await finishCascade(db, user);
}

/** Finishes the change that a user is marked with, and takes the mark off. */
export async function finishCascade(db: Db, user: UserDocument): Promise<UserDocument | null> {
  const cascade = user.cascade as Cascade;
  const sessions = await cascadeSessions(db, user, cascade);
  return settleUser(db, user, cascade, sessions);
}

/** Notes on a user how many sessions are deleted with it, and that its change is finished. */
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
    { returnDocument: 'after', ...(session !== undefined && { session }) },
  );
  return settled ?? usersOf(db).findOne({ namespace, user_id });
}
