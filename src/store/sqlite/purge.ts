import type { PurgeCounts, Store } from '../store.ts';
import type { Connection } from './connection.ts';

const EXPIRED = 'deleted_at IS NOT NULL AND deleted_at <= ?';

const EXPIRED_IDS = (table: string) =>
  `SELECT id FROM ${table} WHERE ${EXPIRED} ORDER BY deleted_at, id LIMIT ?`;

/** Sessions deleted with their user go after it: until then, restoring the user restores all. */
const EXPIRED_SESSIONS = `SELECT id FROM sessions WHERE ${EXPIRED}
  AND NOT EXISTS (SELECT 1 FROM users WHERE users.namespace = sessions.namespace
    AND users.user_id = sessions.user_id AND users.uuid = sessions.deleted_with_user)`;

const OLDEST_SESSIONS = `${EXPIRED_SESSIONS} ORDER BY deleted_at, id LIMIT ?`;

const ONE_SESSION = `${EXPIRED_SESSIONS} AND namespace = ? AND session_id = ?`;

/** A session that goes leaves its thread behind, expired whatever the cutoff. */
const LEAVE_THREADS = (sessions: string) => `UPDATE threads SET deleted_at = 0
  WHERE id IN (SELECT thread FROM sessions WHERE id IN (${sessions}))`;

const PURGE_SESSIONS = (sessions: string) => `DELETE FROM sessions WHERE id IN (${sessions})`;

const PURGE_USERS = `DELETE FROM users WHERE id IN (${EXPIRED_IDS('users')})`;

const FIRST_MESSAGES = 'SELECT id FROM messages WHERE thread = ? ORDER BY seq LIMIT ?';

const PURGE_TERMS = `DELETE FROM message_terms WHERE rowid IN (${FIRST_MESSAGES})`;

const PURGE_VECTORS = `DELETE FROM vectors WHERE id IN (${FIRST_MESSAGES})`;

const PURGE_MESSAGES = `DELETE FROM messages WHERE id IN (${FIRST_MESSAGES})`;

const COUNT_MESSAGES = `SELECT
  (SELECT coalesce(sum(last_seq - base_seq), 0) FROM sessions WHERE ${EXPIRED})
  + (SELECT count(*) FROM threads JOIN messages ON messages.thread = threads.id
     WHERE threads.${EXPIRED.replace('AND ', 'AND threads.')})`;

/** The sweep: in the embedded store nobody else purges. */
export function sqlitePurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  const statement = (sql: string) => connection.statement(sql);
  const count = (sql: string, ...values: unknown[]) => Number(statement(sql).get(...values)?.[0]);

  /** Purges messages of left threads, and the threads that this empties. */
  function purgeThreads(before: number, limit: number): number {
    let messages = 0;
    for (const [thread] of statement(EXPIRED_IDS('threads')).all(before, limit)) {
      const most = limit - messages;
      statement(PURGE_TERMS).run(thread, most);
      statement(PURGE_VECTORS).run(thread, most);
      messages += statement(PURGE_MESSAGES).run(thread, most);
      if (messages >= limit) break;
      statement('DELETE FROM summaries WHERE thread = ?').run(thread);
      statement('DELETE FROM threads WHERE id = ?').run(thread);
    }
    return messages;
  }

  return {
    countExpired(cutoff) {
      const before = Date.parse(cutoff);
      return connection.read(
        (): PurgeCounts => ({
          sessions: count(`SELECT count(*) FROM sessions WHERE ${EXPIRED}`, before),
          messages: count(COUNT_MESSAGES, before, before),
          users: count(`SELECT count(*) FROM users WHERE ${EXPIRED}`, before),
        }),
      );
    },

    async purge(cutoff, limit) {
      const before = Date.parse(cutoff);
      const purged = await connection.write((): PurgeCounts => {
        const users = statement(PURGE_USERS).run(before, limit);
        const sessions = purgeSessions(connection, OLDEST_SESSIONS, before, limit);
        return { sessions, messages: purgeThreads(before, limit), users };
      });
      const most = Math.max(purged.sessions, purged.messages, purged.users);
      // The log has what was purged, too.
      if (most > 0 && most < limit) connection.emptyLog();
      return purged;
    },
  };
}

/** Purges one session, if it was soft-deleted by the cutoff. Runs within a write. */
export function purgeSession(
  connection: Connection,
  namespace: string,
  sessionId: string,
  cutoff: string,
): void {
  purgeSessions(connection, ONE_SESSION, Date.parse(cutoff), namespace, sessionId);
}

function purgeSessions(connection: Connection, selected: string, ...values: unknown[]): number {
  connection.statement(LEAVE_THREADS(selected)).run(...values);
  return connection.statement(PURGE_SESSIONS(selected)).run(...values);
}
