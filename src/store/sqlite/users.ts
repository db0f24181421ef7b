import { ownedNamespaces } from '../../domain/fact-namespace.ts';
import type { User } from '../../domain/records.ts';
import type { DeletedUser, UserStore } from '../port.ts';
import type { Connection } from './connection/index.ts';
import { findIdentifiers, findPage, selectIdentifiers } from './pagination.ts';
import { damagedMetadata, listed, mergeStored, toUser, USER_COLUMNS } from './rows.ts';

const LIST = { table: 'users', columns: listed(USER_COLUMNS), toRecord: toUser };

const FIND = `SELECT ${USER_COLUMNS} FROM users WHERE namespace = ? AND user_id = ?`;

const INSERT = `INSERT INTO users (namespace, user_id, uuid, email, first_name, last_name, metadata,
    created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${USER_COLUMNS}`;

const UPDATE = `UPDATE users SET email = ?, first_name = ?, last_name = ?, metadata = ?,
    updated_at = max(updated_at, ?)
  WHERE namespace = ? AND user_id = ? RETURNING ${USER_COLUMNS}`;

const DELETE = `UPDATE users SET deleted_at = ?
  WHERE namespace = ? AND user_id = ? AND deleted_at IS NULL`;

const DELETE_SESSIONS = `UPDATE sessions SET
    deleted_with_user = iif(deleted_at IS NULL, :uuid, deleted_with_user),
    user_deleted = coalesce(user_deleted, :uuid),
    deleted_at = coalesce(deleted_at, :at)
  WHERE namespace = :namespace AND user_id = :user_id`;

const RESTORE = `UPDATE users SET deleted_at = NULL
  WHERE namespace = ? AND user_id = ? AND deleted_at IS NOT NULL`;

const RESTORE_SESSIONS = `UPDATE sessions SET
    deleted_at = iif(deleted_with_user = :uuid, NULL, deleted_at),
    user_deleted = NULL, deleted_with_user = NULL
  WHERE namespace = :namespace AND user_id = :user_id AND user_deleted = :uuid`;

const COUNT_DELETED = `SELECT count(*) FROM sessions
  WHERE namespace = ? AND user_id = ? AND live IS NULL AND deleted_with_user = ?`;

const PURGE = `DELETE FROM users WHERE deleted_at <= ? AND namespace = ? AND user_id = ?`;

const IDENTIFIERS = selectIdentifiers('users', 'user_id');

/** The users table. Deleting or restoring a user also changes the user's sessions. */
export function sqliteUsers(connection: Connection): UserStore {
  const statement = (sql: string) => connection.statement(sql);

  const first = (sql: string, ...values: unknown[]): User | undefined => {
    const row = statement(sql).get(...values);
    return row === undefined ? undefined : toUser(row);
  };

  const find = (namespace: string, userId: string) => first(FIND, namespace, userId);

  /** A user, with the number of sessions that were deleted with it. */
  function findWithSessions(namespace: string, userId: string): DeletedUser | undefined {
    const user = find(namespace, userId);
    if (user === undefined) return undefined;
    const [sessions] = statement(COUNT_DELETED).get(namespace, userId, user.uuid) ?? [];
    return { user, sessions: Number(sessions) };
  }

  return {
    insert(namespace, user) {
      return connection.write(() => {
        const inserted = first(
          INSERT,
          namespace,
          user.user_id,
          user.uuid,
          user.email ?? null,
          user.first_name ?? null,
          user.last_name ?? null,
          JSON.stringify(user.metadata),
          Date.parse(user.created_at),
          Date.parse(user.updated_at),
        );
        return inserted === undefined
          ? { applied: false, found: find(namespace, user.user_id) }
          : { applied: true, record: inserted };
      });
    },

    find: (namespace, userId) => connection.read(() => find(namespace, userId)),

    update(namespace, userId, change, at) {
      return connection.write(() => {
        const current = find(namespace, userId);
        if (current === undefined || current.deleted_at !== undefined) {
          return { applied: false, found: current };
        }
        if (current.metadata_omitted_bytes !== undefined) throw damagedMetadata();
        const { email, first_name, last_name } = { ...current, ...change.fields };
        const record = first(
          UPDATE,
          email ?? null,
          first_name ?? null,
          last_name ?? null,
          mergeStored(JSON.stringify(current.metadata), change.metadata),
          Date.parse(at),
          namespace,
          userId,
        );
        return { applied: true, record: record as User };
      });
    },

    delete(namespace, userId, at, progress) {
      return connection.write((): DeletedUser | undefined => {
        const user = find(namespace, userId);
        if (user === undefined) return undefined;
        if (statement(DELETE).run(Date.parse(at), namespace, userId) > 0) {
          for (const owned of ownedNamespaces(namespace)) {
            const named = { namespace: owned, user_id: userId, uuid: user.uuid };
            statement(DELETE_SESSIONS).run({ ...named, at: Date.parse(at) });
          }
        }
        const deleted = findWithSessions(namespace, userId) as DeletedUser;
        progress?.(deleted.sessions, deleted.sessions);
        return deleted;
      });
    },

    restore(namespace, userId, progress) {
      return connection.write((): DeletedUser | undefined => {
        const before = findWithSessions(namespace, userId);
        if (before === undefined) return undefined;
        if (statement(RESTORE).run(namespace, userId) === 0) return { ...before, sessions: 0 };
        for (const owned of ownedNamespaces(namespace)) {
          const named = { namespace: owned, user_id: userId, uuid: before.user.uuid };
          statement(RESTORE_SESSIONS).run(named);
        }
        progress?.(before.sessions, before.sessions);
        return { ...before, user: find(namespace, userId) as User };
      });
    },

    list(namespace, query, page) {
      const filter = { sql: 'namespace = ?', values: [namespace] };
      return connection.readSnapshot(() => findPage(connection, LIST, filter, query, page));
    },

    purge: (namespace, userId, cutoff) =>
      connection.write(() => void statement(PURGE).run(Date.parse(cutoff), namespace, userId)),

    identifiers: (...args) =>
      connection.read(() => findIdentifiers(connection, IDENTIFIERS, ...args)),
  };
}
