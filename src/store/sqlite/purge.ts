import type { PurgeCounts, Store } from '../store.ts';
import type { Connection } from './connection.ts';

const EXPIRED = 'deleted_at IS NOT NULL AND deleted_at <= ?';

const EXPIRED_IDS = (table: string) =>
  `SELECT id FROM ${table} WHERE ${EXPIRED} ORDER BY deleted_at LIMIT ?`;

/** Sessions deleted with their user go after it: until then, restoring the user restores all. */
const EXPIRED_SESSIONS = `SELECT id FROM sessions WHERE ${EXPIRED}
  AND NOT (deleted_with_user = 1 AND EXISTS (SELECT 1 FROM users
    WHERE users.namespace = sessions.namespace AND users.user_id = sessions.user_id))
  ORDER BY deleted_at LIMIT ?`;

/** A session that goes leaves its thread behind, expired whatever the cutoff. */
const LEAVE_THREADS = `UPDATE threads SET deleted_at = 0
  WHERE id IN (SELECT thread FROM sessions WHERE id IN (${EXPIRED_SESSIONS}))`;

const PURGE_SESSIONS = `DELETE FROM sessions WHERE id IN (${EXPIRED_SESSIONS})`;

const PURGE_USERS = `DELETE FROM users WHERE id IN (${EXPIRED_IDS('users')})`;

const PURGE_MESSAGES = `DELETE FROM messages WHERE id IN
  (SELECT id FROM messages WHERE thread = ? LIMIT ?)`;

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
      messages += statement(PURGE_MESSAGES).run(thread, limit - messages);
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

    purge(cutoff, limit) {
      const before = Date.parse(cutoff);
      return connection.write((): PurgeCounts => {
        const users = statement(PURGE_USERS).run(before, limit);
        statement(LEAVE_THREADS).run(before, limit);
        const sessions = statement(PURGE_SESSIONS).run(before, limit);
        return { sessions, messages: purgeThreads(before, limit), users };
      });
    },
  };
}
