import { userNamespace } from '../../domain/fact-namespace.ts';
import type { Session } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { AccessScope, WriteResult } from '../common-port.ts';
import type { NamespaceActivity, Restored, SessionQuery, SessionStore } from '../port.ts';
import { ACCESS_CONDITION, accessParameters } from './access-scope.ts';
import { assignUser } from './assign-user.ts';
import type { Connection } from './connection/index.ts';
import { findIdentifiers, findPage, type Sql, selectIdentifiers } from './pagination.ts';
import { purgeSession } from './purge.ts';
import { countDeleted, listed, mergeStored, SESSION_COLUMNS, toSession } from './rows.ts';

const LIST = { table: 'sessions', columns: listed(SESSION_COLUMNS), toRecord: toSession };

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

/** Excludes retired ranges whose purge has begun. */
export const RESTORABLE = 'deleted_at > 0';

const OLDEST_RETIRED = `(SELECT min(first_seq) FROM retired_ranges
  WHERE session = sessions.id AND ${RESTORABLE})`;

const RESTORE_RETIRED = `UPDATE sessions SET first_seq = ${OLDEST_RETIRED}, revived_by = NULL,
    deleted_count = ${countDeleted('sessions.id', OLDEST_RETIRED, 'last_seq')}
  WHERE ${ACCESS_CONDITION} AND deleted_at IS NULL AND ${OLDEST_RETIRED} IS NOT NULL
  RETURNING id, ${SESSION_COLUMNS}`;

const DELETE_RETIRED = `DELETE FROM retired_ranges WHERE session = ? AND ${RESTORABLE}`;

/** One step in the index, however many sessions a namespace has. */
const NEXT_NAMESPACE = 'SELECT min(namespace) FROM sessions WHERE namespace > ?';

const LAST_ACTIVITY = 'SELECT max(updated_at) FROM sessions WHERE namespace = ? AND live = 1';

const IDENTIFIERS = selectIdentifiers('sessions', 'session_id');

/** The sessions table. */
export function sqliteSessions(connection: Connection): SessionStore {
  const first = (sql: string, ...values: unknown[]): Session | undefined => {
    const row = connection.statement(sql).get(...values);
    return row === undefined ? undefined : toSession(row);
  };

  const find = (scope: AccessScope, sessionId: string) =>
    first(FIND, ...accessParameters(scope, sessionId));

  const writeResult = (scope: AccessScope, sessionId: string, updated: Session | undefined) =>
    updated === undefined
      ? { applied: false as const, found: find(scope, sessionId) }
      : { applied: true as const, record: updated };

  const userIsLive = (namespace: string, userId: string) =>
    connection.statement(USER_IS_LIVE).get(userNamespace(namespace), userId) !== undefined;

  return {
    insert(namespace, session): Promise<WriteResult<Session> | 'user_missing'> {
      const { session_id, uuid, user_id, metadata, created_at, updated_at } = session;
      return connection.write(() => {
        if (user_id !== undefined && !userIsLive(namespace, user_id)) return 'user_missing';
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
        return writeResult({ namespace }, session_id, inserted);
      });
    },

    find: (scope, sessionId) => connection.read(() => find(scope, sessionId)),

    owner: (namespace, sessionId) =>
      connection.read(() => {
        const row = connection.statement(OWNER).get(namespace, sessionId);
        if (row === undefined) return undefined;
        return row[0] === null ? {} : { user_id: row[0] as string };
      }),

    merge(scope, sessionId, patch, at) {
      return connection.write(() => {
        const row = connection.statement(METADATA).get(...accessParameters(scope, sessionId));
        if (row === undefined) return writeResult(scope, sessionId, undefined);
        const merged = mergeStored(row[0], patch);
        const updated = first(SET_METADATA, merged, Date.parse(at), scope.namespace, sessionId);
        return writeResult(scope, sessionId, updated);
      });
    },

    assign(namespace, session_id, user_id, at) {
      const assignment = { namespace, session_id, user_id };
      return assignUser(connection, () => userIsLive(namespace, user_id), assignment, at);
    },

    delete(scope, sessionId, at) {
      const values = [...accessParameters(scope, sessionId), Date.parse(at)];
      return connection.write(() => writeResult(scope, sessionId, first(DELETE, ...values)));
    },

    restore(scope, sessionId) {
      const values = accessParameters(scope, sessionId);
      return connection.write((): WriteResult<Restored, Session> => {
        const session = first(RESTORE, ...values);
        if (session !== undefined) return restored(session, session.message_count);
        const found = find(scope, sessionId);
        const [id, ...row] = connection.statement(RESTORE_RETIRED).get(...values) ?? [];
        if (found === undefined || id === undefined) return { applied: false, found };
        connection.statement(DELETE_RETIRED).run(id);
        const whole = toSession(row);
        return restored(whole, whole.message_count - found.message_count);
      });
    },

    list: (namespace, query, page) =>
      connection.readSnapshot(() =>
        findPage(connection, LIST, ownedBy(namespace, query), query, page),
      ),

    namespaces: (after = '', limit) =>
      connection.readSnapshot(() => {
        const found: NamespaceActivity[] = [];
        for (let last = after; found.length < limit; ) {
          const namespace = connection.statement(NEXT_NAMESPACE).get(last)?.[0];
          if (typeof namespace !== 'string') break;
          const latest = connection.statement(LAST_ACTIVITY).get(namespace)?.[0];
          found.push({
            namespace,
            ...(typeof latest === 'number' && { updated_at: timestamp(latest) }),
          });
          last = namespace;
        }
        return found;
      }),

    purge: (namespace, sessionId, cutoff) =>
      connection.write(() => purgeSession(connection, namespace, sessionId, cutoff)),

    identifiers: (...args) =>
      connection.read(() => findIdentifiers(connection, IDENTIFIERS, ...args)),
  };
}

const restored = (session: Session, messages: number) => ({
  applied: true as const,
  record: { session, messages },
});

function ownedBy(namespace: string, { user_id }: SessionQuery): Sql {
  return user_id === undefined
    ? { sql: 'namespace = ?', values: [namespace] }
    : { sql: 'namespace = ? AND user_id = ?', values: [namespace, user_id] };
}
