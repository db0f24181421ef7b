import { invalidArgument } from '../../domain/errors.ts';
import {
  type JsonObject,
  jsonBytes,
  METADATA_MAX_BYTES,
  mergePatch,
  metadataTooLarge,
} from '../../domain/metadata.ts';
import type { Window } from '../../domain/pages.ts';
import type { Session } from '../../domain/records.ts';
import type { Change, SessionQuery, SessionStore } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import { time } from './times.ts';

const COLUMNS = `session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at,
  message_count, last_message_at`;

const FIND = `SELECT ${COLUMNS} FROM sessions WHERE namespace = ? AND session_id = ?`;

const INSERT = `INSERT INTO sessions (namespace, session_id, uuid, user_id, metadata, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`;

const USER_IS_LIVE = `SELECT 1 FROM users WHERE namespace = ? AND user_id = ? AND deleted_at IS NULL`;

const METADATA = `SELECT metadata FROM sessions
  WHERE namespace = ? AND session_id = ? AND deleted_at IS NULL`;

const SET_METADATA = `UPDATE sessions SET metadata = ?, updated_at = max(updated_at, ?)
  WHERE namespace = ? AND session_id = ? RETURNING ${COLUMNS}`;

const DELETE = `UPDATE sessions SET deleted_at = ?
  WHERE namespace = ? AND session_id = ? AND deleted_at IS NULL RETURNING ${COLUMNS}`;

const RESTORE = `UPDATE sessions SET deleted_at = NULL
  WHERE namespace = ? AND session_id = ? AND deleted_at IS NOT NULL AND deleted_with_user = 0
  RETURNING ${COLUMNS}`;

const IDENTIFIERS = `SELECT session_id FROM sessions
  WHERE namespace = ? AND session_id >= ? AND session_id < ? AND deleted_at IS NULL
  ORDER BY session_id LIMIT ?`;

/** Above every text with the given prefix: no character sorts behind U+10FFFF. */
const abovePrefix = (prefix: string) => `${prefix}\u{10FFFF}\u{10FFFF}`;

/** The sessions table. */
export function sqliteSessions(connection: Connection): SessionStore {
  const first = (sql: string, ...values: unknown[]): Session | undefined => {
    const row = connection.statement(sql).get(...values);
    return row === undefined ? undefined : toSession(row);
  };

  const find = (namespace: string, sessionId: string) => first(FIND, namespace, sessionId);

  const change = (namespace: string, sessionId: string, changed: Session | undefined) =>
    changed === undefined
      ? { applied: false as const, found: find(namespace, sessionId) }
      : { applied: true as const, record: changed };

  return {
    insert(namespace, session): Promise<Change<Session> | 'user_missing'> {
      const { session_id, uuid, user_id, metadata, created_at, updated_at } = session;
      return connection.write(() => {
        const userMissing =
          user_id !== undefined &&
          connection.statement(USER_IS_LIVE).get(namespace, user_id) === undefined;
        if (userMissing) return 'user_missing';
        const inserted = first(
          INSERT,
          namespace,
          session_id,
          uuid,
          user_id ?? null,
          JSON.stringify(metadata),
          Date.parse(created_at),
          Date.parse(updated_at),
        );
        return change(namespace, session_id, inserted);
      });
    },

    find: (namespace, sessionId) => connection.read(() => find(namespace, sessionId)),

    merge(namespace, sessionId, patch, at) {
      return connection.write(() => {
        const row = connection.statement(METADATA).get(namespace, sessionId);
        if (row === undefined) return change(namespace, sessionId, undefined);
        const merged = mergePatch(JSON.parse(row[0] as string), patch);
        const bytes = jsonBytes(merged);
        if (bytes > METADATA_MAX_BYTES) {
          throw invalidArgument(`metadata: ${metadataTooLarge(bytes)}`);
        }
        const text = JSON.stringify(merged);
        const changed = first(SET_METADATA, text, Date.parse(at), namespace, sessionId);
        return change(namespace, sessionId, changed);
      });
    },

    delete(namespace, sessionId, at) {
      return connection.write(() =>
        change(namespace, sessionId, first(DELETE, Date.parse(at), namespace, sessionId)),
      );
    },

    restore(namespace, sessionId) {
      return connection.write(() =>
        change(namespace, sessionId, first(RESTORE, namespace, sessionId)),
      );
    },

    list(namespace, query, window) {
      const { sql, values } = select(namespace, query, window);
      return connection.read(() =>
        connection
          .statement(sql)
          .all(...values)
          .map(toSession),
      );
    },

    count(namespace, query) {
      const { where, values } = filter(namespace, query);
      const statement = connection.statement(`SELECT count(*) FROM sessions WHERE ${where}`);
      return connection.read(() => Number(statement.get(...values)?.[0]));
    },

    identifiers(namespace, prefix, limit) {
      return connection.read(() =>
        connection
          .statement(IDENTIFIERS)
          .all(namespace, prefix, abovePrefix(prefix), limit)
          .map((row) => row[0] as string),
      );
    },
  };
}

function filter(namespace: string, query: SessionQuery) {
  const live = query.deleted === 'exclude' ? 1 : 0;
  return query.user_id === undefined
    ? { where: 'namespace = ? AND live = ?', values: [namespace, live] }
    : {
        where: 'namespace = ? AND user_id = ? AND live = ?',
        values: [namespace, query.user_id, live],
      };
}

function select(namespace: string, query: SessionQuery, window: Window) {
  const { where, values } = filter(namespace, query);
  const by = query.order_by === 'created_at' ? 'created_at' : 'updated_at';
  const order = query.order === 'asc' ? 'ASC' : 'DESC';
  const sorted = `ORDER BY ${by} ${order}, uuid ${order} LIMIT ?`;
  const base = `SELECT ${COLUMNS} FROM sessions WHERE ${where}`;
  if ('offset' in window) {
    return { sql: `${base} ${sorted} OFFSET ?`, values: [...values, window.limit, window.offset] };
  }
  if (window.after === undefined)
    return { sql: `${base} ${sorted}`, values: [...values, window.limit] };
  const beyond = query.order === 'asc' ? '>' : '<';
  return {
    sql: `${base} AND (${by}, uuid) ${beyond} (?, ?) ${sorted}`,
    values: [...values, window.after.value, window.after.key, window.limit],
  };
}

function toSession(row: Row): Session {
  const [session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at, count, last] =
    row;
  return {
    session_id: session_id as string,
    uuid: uuid as string,
    ...(user_id !== null && { user_id: user_id as string }),
    metadata: JSON.parse(metadata as string) as JsonObject,
    created_at: time(created_at),
    updated_at: time(updated_at),
    ...(deleted_at !== null && { deleted_at: time(deleted_at) }),
    message_count: count as number,
    ...(last !== null && { last_message_at: time(last) }),
  };
}
