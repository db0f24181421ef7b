import type { Session } from '../../domain/records.ts';
import type { AccessScope, Restored, SessionQuery, SessionStore, WriteResult } from '../port.ts';
import type { Connection, Row } from './connection/index.ts';
import { purgeSession } from './purge.ts';
import {
  abovePrefix,
  listedMetadata,
  mergeStored,
  metadataOf,
  readPage,
  type Sql,
  time,
} from './rows.ts';

/** What `toSession` makes a record of. */
export const SESSION_COLUMNS = `session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at,
  last_seq - first_seq + 1, last_message_at`;

const LISTED = SESSION_COLUMNS.replace('metadata', listedMetadata);

const SESSIONS = { table: 'sessions', columns: LISTED, toRecord: toSession };

/** The user is asked for last: the row of somebody else's session is read no further than that. */
export const ACCESS_CONDITION =
  'namespace = ?1 AND session_id = ?2 AND (?3 IS NULL OR user_id = ?3)';

/** The first values of a statement with `REACHED` in it. */
export function accessParameters(
  { namespace, user_id }: AccessScope,
  sessionId: string,
): unknown[] {
  return [namespace, sessionId, user_id ?? null];
}

const FIND = `SELECT ${SESSION_COLUMNS} FROM sessions WHERE ${ACCESS_CONDITION}`;

const OWNER = 'SELECT user_id FROM sessions WHERE namespace = ? AND session_id = ?';

const INSERT = `INSERT INTO sessions (namespace, session_id, uuid, user_id, metadata, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING ${SESSION_COLUMNS}`;

const USER_IS_LIVE = `SELECT 1 FROM users WHERE namespace = ? AND user_id = ? AND deleted_at IS NULL`;

const METADATA = `SELECT metadata FROM sessions WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL`;

const SET_METADATA = `UPDATE sessions SET metadata = ?, updated_at = max(updated_at, ?)
  WHERE namespace = ? AND session_id = ? RETURNING ${SESSION_COLUMNS}`;

const DELETE = `UPDATE sessions SET deleted_at = ?4
  WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL RETURNING ${SESSION_COLUMNS}`;

const RESTORE = `UPDATE sessions SET deleted_at = NULL
  WHERE ${ACCESS_CONDITION} AND deleted_at IS NOT NULL AND user_deleted IS NULL
  RETURNING ${SESSION_COLUMNS}`;

/** Ranges that nobody has begun to purge. */
export const RESTORABLE = 'deleted_at > 0';

const OLDEST_RETIRED = `(SELECT min(first_seq) FROM retired_ranges
  WHERE session = sessions.id AND ${RESTORABLE})`;

const PUT_BACK = `UPDATE sessions SET first_seq = ${OLDEST_RETIRED}, revived_by = NULL
  WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL AND ${OLDEST_RETIRED} IS NOT NULL
  RETURNING id, ${SESSION_COLUMNS}`;

const EMPTY_RETIRED = `DELETE FROM retired_ranges WHERE session = ? AND ${RESTORABLE}`;

const IDENTIFIERS = `SELECT session_id FROM sessions
  WHERE namespace = ? AND session_id >= ? AND session_id < ? AND deleted_at IS NULL
  ORDER BY session_id LIMIT ?`;

/** The sessions table. */
export function sqliteSessions(connection: Connection): SessionStore {
  const first = (sql: string, ...values: unknown[]): Session | undefined => {
    const row = connection.statement(sql).get(...values);
    return row === undefined ? undefined : toSession(row);
  };

  const find = (reach: AccessScope, sessionId: string) =>
    first(FIND, ...accessParameters(reach, sessionId));

  const change = (reach: AccessScope, sessionId: string, changed: Session | undefined) =>
    changed === undefined
      ? { applied: false as const, found: find(reach, sessionId) }
      : { applied: true as const, record: changed };

  return {
    insert(namespace, session): Promise<WriteResult<Session> | 'user_missing'> {
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
        return change({ namespace }, session_id, inserted);
      });
    },

    find: (reach, sessionId) => connection.read(() => find(reach, sessionId)),

    owner: (namespace, sessionId) =>
      connection.read(() => {
        const row = connection.statement(OWNER).get(namespace, sessionId);
        if (row === undefined) return undefined;
        return row[0] === null ? {} : { user_id: row[0] as string };
      }),

    merge(reach, sessionId, patch, at) {
      return connection.write(() => {
        const row = connection.statement(METADATA).get(...accessParameters(reach, sessionId));
        if (row === undefined) return change(reach, sessionId, undefined);
        const merged = mergeStored(row[0], patch);
        const changed = first(SET_METADATA, merged, Date.parse(at), reach.namespace, sessionId);
        return change(reach, sessionId, changed);
      });
    },

    delete(reach, sessionId, at) {
      const values = [...accessParameters(reach, sessionId), Date.parse(at)];
      return connection.write(() => change(reach, sessionId, first(DELETE, ...values)));
    },

    restore(reach, sessionId) {
      const values = accessParameters(reach, sessionId);
      return connection.write((): WriteResult<Restored, Session> => {
        const session = first(RESTORE, ...values);
        if (session !== undefined) return restored(session, session.message_count);
        const found = find(reach, sessionId);
        const [id, ...row] = connection.statement(PUT_BACK).get(...values) ?? [];
        if (found === undefined || id === undefined) return { applied: false, found };
        connection.statement(EMPTY_RETIRED).run(id);
        const whole = toSession(row);
        return restored(whole, whole.message_count - found.message_count);
      });
    },

    list: (namespace, query, window) =>
      connection.read(() => readPage(connection, SESSIONS, owned(namespace, query), query, window)),

    purge: (namespace, sessionId, cutoff) =>
      connection.write(() => purgeSession(connection, namespace, sessionId, cutoff)),

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

const restored = (session: Session, messages: number) => ({
  applied: true as const,
  record: { session, messages },
});

function owned(namespace: string, { user_id }: SessionQuery): Sql {
  return user_id === undefined
    ? { sql: 'namespace = ?', values: [namespace] }
    : { sql: 'namespace = ? AND user_id = ?', values: [namespace, user_id] };
}

/** The columns of `SESSION_COLUMNS` as a record. */
export function toSession(row: Row): Session {
  const [session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at, count, last] =
    row;
  return {
    session_id: session_id as string,
    uuid: uuid as string,
    ...(user_id !== null && { user_id: user_id as string }),
    ...metadataOf(metadata),
    created_at: time(created_at),
    updated_at: time(updated_at),
    ...(deleted_at !== null && { deleted_at: time(deleted_at) }),
    message_count: count as number,
    ...(last !== null && { last_message_at: time(last) }),
  };
}
