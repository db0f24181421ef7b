import type { ClientSession, Db, Document, Filter } from 'mongodb';
import type { User } from '../../domain/records.ts';
import type { Change, DeletedUser, Progress, UserStore } from '../store.ts';
import { changeOrFind } from './change.ts';
import type { Connection } from './connection.ts';
import {
  type SessionDocument,
  sessionsOf,
  toUser,
  toUserDocument,
  USER_FIELDS,
  type UserDocument,
  usersOf,
} from './documents.ts';
import { isDuplicateKey } from './errors.ts';
import { INDEX } from './indexes.ts';
import { mergeMetadata } from './merge-patch.ts';
import { countListed, findIdentifiers, findPage } from './pages.ts';

/** How many sessions one command takes through a change of their user. */
const STEP = 1000;

type Cascade = 'delete' | 'restore';

/** The users collection, and what goes through the sessions with a user. */
export function mongoUsers(connection: Connection, purgeAfter: number | undefined): UserStore {
  const find = async (db: Db, namespace: string, user_id: string): Promise<User | undefined> => {
    const found = await usersOf(db).findOne({ namespace, user_id });
    return found === null ? undefined : toUser(found);
  };

  /**
   * Changes a user and every session of theirs: in one transaction, or on a standalone server in
   * steps that begin with a mark on the user, by which a crashed change is found and finished.
   */
  function change(
    namespace: string,
    userId: string,
    filter: Filter<UserDocument>,
    update: Document,
    cascade: Cascade,
    progress: Progress | undefined,
  ): Promise<UserDocument | null> {
    const key = JSON.stringify([namespace, userId]);
    const one = { ...filter, namespace, user_id: userId };
    return connection.runLong(async ({ db, transactions }) => {
      if (transactions) {
        return connection.transaction(key, async (session) => {
          const user = await usersOf(db).findOneAndUpdate(one, update, {
            returnDocument: 'after',
            session,
          });
          if (user === null) return null;
          const sessions = await cascadeSessions(db, user, cascade, progress, session);
          return cascade === 'delete' ? countDeleted(db, user, sessions, session) : user;
        });
      }
      const marked = { ...update, $set: { ...update.$set, cascade } };
      const user = await usersOf(db).findOneAndUpdate(one, marked, { returnDocument: 'after' });
      return user === null ? null : finishCascade(db, user, progress);
    });
  }

  /** The user as it is, once a change is finished that a crash left half done. */
  const settled = (namespace: string, user_id: string): Promise<UserDocument | null> =>
    connection.runLong(async ({ db }) => {
      const found = await usersOf(db).findOne({ namespace, user_id });
      return found?.cascade === undefined ? found : finishCascade(db, found);
    });

  const outcome = (document: UserDocument | null): DeletedUser | undefined =>
    document === null
      ? undefined
      : { user: toUser(document), sessions: document.deleted_sessions ?? 0 };

  return {
    insert(namespace, user) {
      return connection.run(async ({ db }): Promise<Change<User>> => {
        try {
          await usersOf(db).insertOne(toUserDocument(namespace, user));
          return { applied: true, record: user };
        } catch (error) {
          if (!isDuplicateKey(error)) throw error;
        }
        const found = await find(db, namespace, user.user_id);
        // An earlier attempt of this very call may have got through without our hearing of it.
        if (found?.uuid === user.uuid) return { applied: true, record: found };
        return { applied: false, found };
      });
    },

    find: (namespace, userId) => connection.run(({ db }) => find(db, namespace, userId)),

    update(namespace, userId, { fields, metadata }, at) {
      const filter = { namespace, user_id: userId, live: true };
      return connection.run(async ({ db }): Promise<Change<User>> => {
        const users = usersOf(db);
        const { applied, document } = await changeOrFind(
          () => mergeMetadata(users, filter, metadata, new Date(at), fields),
          () => users.findOne({ namespace, user_id: userId }),
          ({ live }) => live,
        );
        return applied
          ? { applied, record: toUser(document) }
          : { applied, found: document === null ? undefined : toUser(document) };
      });
    },

    async delete(namespace, userId, at, progress) {
      const { document } = await changeOrFind(
        () =>
          change(
            namespace,
            userId,
            { live: true },
            { $set: { live: false, deleted_at: new Date(at) } },
            'delete',
            progress,
          ),
        () => settled(namespace, userId),
        ({ live }) => live,
      );
      return outcome(document);
    },

    async restore(namespace, userId, progress) {
      const { document } = await changeOrFind(
        () =>
          change(
            namespace,
            userId,
            { live: false, ...unexpired(purgeAfter) },
            { $set: { live: true }, $unset: { deleted_at: '' } },
            'restore',
            progress,
          ),
        () => settled(namespace, userId),
        ({ live }) => !live,
      );
      // Deleted still: its time is past, and the purge may have begun with its sessions.
      return document?.live === false ? undefined : outcome(document);
    },

    list(namespace, query, window) {
      const index = query.order_by === 'created_at' ? INDEX.created : INDEX.updated;
      return connection.run(async ({ db }) => {
        const page = await findPage(usersOf(db), { namespace }, query, window, index, USER_FIELDS);
        return page.map(toUser);
      });
    },

    count: (namespace, query) =>
      connection.run(({ db }) => countListed(usersOf(db), { namespace }, query, INDEX.created)),

    identifiers: (namespace, prefix, limit) =>
      connection.run(({ db }) =>
        findIdentifiers(usersOf(db), namespace, 'user_id', prefix, limit, INDEX.prefix),
      ),
  };
}

/** Finishes the changes that a crash of a server on a standalone MongoDB left half done. */
export async function finishCascades(db: Db): Promise<void> {
  const unfinished = await usersOf(db)
    .find({ cascade: { $exists: true } })
    .hint(INDEX.cascade)
    .toArray();
  for (const user of unfinished) await finishCascade(db, user);
}

async function finishCascade(
  db: Db,
  user: UserDocument,
  progress?: Progress,
): Promise<UserDocument | null> {
  const cascade = user.cascade as Cascade;
  const sessions = await cascadeSessions(db, user, cascade, progress);
  const counted = cascade === 'delete' ? await countDeleted(db, user, sessions) : user;
  await usersOf(db).updateOne({ _id: user._id, cascade }, { $unset: { cascade: '' } });
  return counted;
}

/** Takes every session of a user through the change, and says how many took part in the deletion. */
async function cascadeSessions(
  db: Db,
  { namespace, user_id, deleted_at }: UserDocument,
  cascade: Cascade,
  progress?: Progress,
  session?: ClientSession,
): Promise<number> {
  const within = session === undefined ? {} : { session };
  const sessions = sessionsOf(db);
  const owned = { namespace, user_id };
  const steps: { filter: Filter<SessionDocument>; update: Document }[] =
    cascade === 'delete'
      ? [
          {
            filter: { ...owned, live: true },
            update: {
              $set: { live: false, deleted_at, user_deleted: true, deleted_with_user: true },
            },
          },
          {
            filter: { ...owned, live: false, user_deleted: { $exists: false } },
            update: { $set: { user_deleted: true } },
          },
        ]
      : [
          {
            filter: { ...owned, live: false, deleted_with_user: true },
            update: {
              $set: { live: true },
              $unset: { deleted_at: '', user_deleted: '', deleted_with_user: '' },
            },
          },
          {
            filter: { ...owned, live: false, user_deleted: true },
            update: { $unset: { user_deleted: '' } },
          },
        ];
  const total = await sessions.countDocuments(owned, { ...within, hint: INDEX.userCreated });
  let done = 0;
  for (const { filter, update } of steps) {
    for (;;) {
      const found = await sessions
        .find(filter, { ...within, projection: { _id: 1 }, limit: STEP, hint: INDEX.userCreated })
        .toArray();
      if (found.length === 0) break;
      const ids = found.map(({ _id }) => _id);
      await sessions.updateMany({ ...filter, _id: { $in: ids } }, update, within);
      done += found.length;
      progress?.(done, total);
    }
  }
  const together = { ...owned, live: false, deleted_with_user: true } as const;
  return sessions.countDocuments(together, { ...within, hint: INDEX.userCreated });
}

/** Notes on a deleted user how many sessions went with it, for whoever asks again. */
async function countDeleted(
  db: Db,
  { _id, namespace, user_id }: UserDocument,
  deleted_sessions: number,
  session?: ClientSession,
): Promise<UserDocument | null> {
  return usersOf(db).findOneAndUpdate(
    { _id, namespace, user_id },
    { $set: { deleted_sessions } },
    { returnDocument: 'after', ...(session !== undefined && { session }) },
  );
}

/** By the server's clock, which is the one that its TTL monitor goes by. */
function unexpired(purgeAfter: number | undefined): Filter<UserDocument> {
  if (purgeAfter === undefined) return {};
  const oldest = {
    $dateSubtract: { startDate: '$$NOW', unit: 'millisecond', amount: purgeAfter },
  };
  return { $expr: { $gt: ['$deleted_at', oldest] } };
}
