import type { JsonObject } from '../../domain/metadata.ts';
import type { User } from '../../domain/records.ts';
import type { UserStore } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import { time } from './times.ts';

const COLUMNS = `user_id, uuid, email, first_name, last_name, metadata, created_at, updated_at,
  deleted_at`;

const FIND = `SELECT ${COLUMNS} FROM users WHERE namespace = ? AND user_id = ?`;

const INSERT = `INSERT INTO users (namespace, user_id, uuid, email, first_name, last_name, metadata,
    created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;

/** The users table. */
export function sqliteUsers(connection: Connection): UserStore {
  const first = (sql: string, ...values: unknown[]): User | undefined => {
    const row = connection.statement(sql).get(...values);
    return row === undefined ? undefined : toUser(row);
  };

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
          ? { applied: false, found: first(FIND, namespace, user.user_id) }
          : { applied: true, record: inserted };
      });
    },

    find: (namespace, userId) => connection.read(() => first(FIND, namespace, userId)),
  };
}

function toUser(row: Row): User {
  const [
    user_id,
    uuid,
    email,
    first_name,
    last_name,
    metadata,
    created_at,
    updated_at,
    deleted_at,
  ] = row;
  return {
    user_id: user_id as string,
    uuid: uuid as string,
    ...(email !== null && { email: email as string }),
    ...(first_name !== null && { first_name: first_name as string }),
    ...(last_name !== null && { last_name: last_name as string }),
    metadata: JSON.parse(metadata as string) as JsonObject,
    created_at: time(created_at),
    updated_at: time(updated_at),
    ...(deleted_at !== null && { deleted_at: time(deleted_at) }),
  };
}
