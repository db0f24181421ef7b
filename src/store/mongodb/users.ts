import type { ClientSession, Db, Document, Filter } from 'mongodb';
import type { User } from '../../domain/records.ts';
import type { WriteResult } from '../common-port.ts';
import type { Progress, Store, UserStore } from '../port.ts';
import type { Kept, Retention } from '../retention.ts';
import { insertRecord, updateOrFind } from './conditional-writes.ts';
import { LONG_OPERATION_TIMEOUT_MS } from './connection/client.ts';
import type { Connection } from './connection/index.ts';
import { INDEX } from './connection/indexes.ts';
import { inSession } from './connection/transaction.ts';
import { type UserDocument, userLockKey, usersOf } from './documents.ts';
import { mergeMetadata } from './merge-patch.ts';
import { findIdentifiers, findPage } from './pagination.ts';
import { expiredUsers } from './purge/expired-counts.ts';
import { toUser, toUserDocument, USER_FIELDS } from './records.ts';
import {
  type Cascade,
  cascadeSessions,
  finishCascade,
  ownsMany,
  settleUser,
} from './user-cascade.ts';

/**
 * The users collection. Deleting or restoring a user changes their sessions, too: see user-cascade.ts.
 *
 * @param agreeRetention as in `Store`
 */
export function mongoUsers(
  connection: Connection,
  retention: Retention,
  agreeRetention: Store['agreeRetention'],
): UserStore {
  const find = async (db: Db, namespace: string, user_id: string): Promise<User | undefined> => {
    const found = await usersOf(db).findOne({ namespace, user_id });
    return found === null ? undefined : toUser(found);
  };

  /**
   * Changes a user and every session of theirs, in one transaction. Where there are no transactions, or
   * the sessions are too many for one, in steps: the first one marks the user, and a change that a crash
   * left unfinished is found by that mark.
   *
   * @returns `null` if the filter does not match, or another change is unfinished
   */
  function change(
    namespace: string,
    userId: string,
    filter: (inSteps: boolean) => Filter<UserDocument>,
    update: Document,
    cascade: Cascade,
    progress: Progress | undefined,
  ): Promise<{ user: UserDocument; sessions: number } | null> {
    return connection.runLong(async ({ db, transactions, deadline }) => {
      const inSteps = !transactions || (await ownsMany(db, namespace, userId));
      const named = { namespace, user_id: userId, cascade: { $exists: false } };
      const unmarked = { ...filter(inSteps), ...named };
      const apply = async (db: Db, begin: Document, session?: ClientSession) => {
        const options = { returnDocument: 'after', ...inSession(session) } as const;
        const user = await usersOf(db).findOneAndUpdate(unmarked, begin, options);
        if (user === null) return null;
        const before = user.deleted_sessions ?? 0;
        const sessions = await cascadeSessions(db, user, cascade, progress, session);
        const done = await settleUser(db, user, cascade, sessions, session);
        return settled(done, cascade === 'delete' ? sessions : before);
      };
      // It goes on to its end: what stays undone would have to wait for a server that finishes it.
      const marked = { ...update, $set: { ...update.$set, cascade } };
      if (inSteps) return apply(connection.unlimited, marked);
      return connection.runExclusive(userLockKey(namespace, userId), deadline, () =>
        connection.transaction((session) => apply(db, update, session)),
      );
    });
  }

  const settled = (user: UserDocument | null, sessions: number) =>
    user === null ? null : { user, sessions };

  /** The user, after finishing a change that a crash left unfinished. */
  const current = (namespace: string, user_id: string) =>
    connection.runLong(async ({ db }) => {
      const found = await usersOf(db).findOne({ namespace, user_id });
      const user = found?.cascade === undefined ? found : await finishCascade(db, found);
      return settled(user, user?.deleted_sessions ?? 0);
    });

  return {
    insert(namespace, user) {
      return connection.run(async ({ db, deadline }): Promise<WriteResult<User>> => {
        const insert = () => usersOf(db).insertOne(toUserDocument(namespace, user));
        return insertRecord(user, insert, () => find(db, namespace, user.user_id), deadline);
      });
    },

    find: (namespace, userId) => connection.run(({ db }) => find(db, namespace, userId)),

    update(namespace, userId, { fields, metadata }, at) {
      const filter = { namespace, user_id: userId, live: true };
      return connection.run(async ({ db }): Promise<WriteResult<User>> => {
        const users = usersOf(db);
        const { applied, document } = await updateOrFind(
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
      const deletion = { $set: { live: false, deleted_at: new Date(at) } };
      const { document } = await updateOrFind(
        () => change(namespace, userId, isLive, deletion, 'delete', monotonic(progress)),
        () => current(namespace, userId),
        ({ user }) => user.live,
      );
      return document === null ? undefined : { ...document, user: toUser(document.user) };
    },

    async restore(namespace, userId, progress) {
      const undo = { $set: { live: true }, $unset: { deleted_at: '' } };
      const attempt = async (kept: Kept) => {
        const isRestorable = (inSteps: boolean) => ({ live: false, ...unexpired(kept, inSteps) });
        const { document } = await updateOrFind(
          () => change(namespace, userId, isRestorable, undo, 'restore', monotonic(progress)),
          () => current(namespace, userId),
          ({ user }) => !user.live,
        );
        return document;
      };
      const known = retention.current;
      let document = await attempt(known);
      // Another server may have registered that keeps deleted records for longer.
      if (document?.user.live === false && (await agreeRetention()) !== known) {
        document = await attempt(retention.current);
      }
      // Still deleted: it has expired, and the purge of its sessions may have begun.
      if (document === null || !document.user.live) return undefined;
      return { ...document, user: toUser(document.user) };
    },

    list(namespace, query, page) {
      const index = query.order_by === 'created_at' ? INDEX.created : INDEX.updated;
      return connection.run(async ({ db }) => {
        const found = await findPage(usersOf(db), { namespace }, query, page, index, USER_FIELDS);
        return { ...found, records: found.records.map(toUser) };
      });
    },

    purge: (namespace, userId, cutoff) =>
      connection.run(async ({ db }) => {
        await usersOf(db).deleteOne({ namespace, user_id: userId, ...expiredUsers(cutoff) });
      }),

    identifiers: (namespace, prefix, limit) =>
      connection.run(({ db }) =>
        findIdentifiers(usersOf(db), namespace, 'user_id', prefix, limit, INDEX.prefix),
      ),
  };
}

/** Reports only progress: a transaction that begins anew does not count back. */
function monotonic(progress: Progress | undefined): Progress | undefined {
  let furthest = 0;
  return (
    progress &&
    ((done, total) => {
      if (done <= furthest) return;
      furthest = done;
      progress(done, total);
    })
  );
}

const isLive = () => ({ live: true });

/**
 * The condition that a user has not expired. Uses the server's clock, as the TTL monitor does. While a
 * restoration goes in steps, the TTL monitor must not purge the sessions that it has not come to.
 */
function unexpired(purgeAfter: Kept, inSteps: boolean): Filter<UserDocument> {
  if (purgeAfter === undefined) return {};
  const reserve = inSteps ? Math.min(LONG_OPERATION_TIMEOUT_MS, purgeAfter / 2) : 0;
  const amount = Math.floor(purgeAfter - reserve);
  const oldest = { $dateSubtract: { startDate: '$$NOW', unit: 'millisecond', amount } };
  return { $expr: { $gt: ['$deleted_at', oldest] } };
}
