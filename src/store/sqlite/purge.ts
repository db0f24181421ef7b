import { factNamespace } from '../../domain/fact-namespace.ts';
import type { PurgeCounts, Store } from '../port.ts';
import type { Connection, Row } from './connection/index.ts';

const EXPIRED = 'deleted_at IS NOT NULL AND deleted_at <= ?1';

const selectExpired = (table: string) =>
  `SELECT id FROM ${table} WHERE ${EXPIRED} ORDER BY deleted_at, id LIMIT ?`;

/** A session deleted with its user is purged after the user. Until then, restoring the user restores it. */
const EXPIRED_SESSIONS = `SELECT id FROM sessions WHERE ${EXPIRED}
  AND NOT EXISTS (SELECT 1 FROM users
    WHERE users.namespace = replace(sessions.namespace, '${factNamespace('')}', '')
    AND users.user_id = sessions.user_id AND users.uuid = sessions.deleted_with_user)`;

const OLDEST_SESSIONS = `${EXPIRED_SESSIONS} ORDER BY deleted_at, id LIMIT ?`;

const ONE_SESSION = `${EXPIRED_SESSIONS} AND namespace = ? AND session_id = ?`;

/** All messages of a purged session become a retired range that is expired at any cutoff. */
const retireMessages = (sessions: string) => `INSERT INTO retired_ranges
    (session, first_seq, last_seq, deleted_at)
  SELECT id, 1, last_seq, 0 FROM sessions WHERE last_seq > 0 AND id IN (${sessions})`;

const deleteRetired = (sessions: string) =>
  `DELETE FROM retired_ranges WHERE session IN (${sessions})`;

const deleteSessions = (sessions: string) => `DELETE FROM sessions WHERE id IN (${sessions})`;

const PURGE_USERS = `DELETE FROM users WHERE id IN (${selectExpired('users')})`;

const EXPIRED_RANGES = `SELECT id, session, first_seq, last_seq FROM retired_ranges
  WHERE deleted_at <= ? ORDER BY deleted_at, session, first_seq LIMIT ?`;

/** A range that is partly purged cannot be restored any more. */
const MARK_PARTLY_PURGED = 'UPDATE retired_ranges SET deleted_at = 0 WHERE id = ?';

const PURGE_SUMMARIES = 'DELETE FROM summaries WHERE session = ? AND up_to_seq BETWEEN ? AND ?';

const FIRST_MESSAGES = `SELECT id FROM messages WHERE session = ? AND seq BETWEEN ? AND ?
  ORDER BY seq LIMIT ?`;

/** How many bytes of messages one step purges. Overwriting them blocks other calls. */
const MAX_STEP_BYTES = 4_000_000;

/** The size of a message, in bytes. */
const SIZE = `octet_length(content) + coalesce(octet_length(parts_whole), 0)
  + octet_length(metadata) + octet_length(terms)`;

/**
 * Counts the first messages of a range up to a size in bytes, and sums their sizes. The last of them may
 * exceed the size.
 */
const COUNT_WITHIN = `SELECT count(*), coalesce(sum(size), 0) FROM (
    SELECT size, sum(size) OVER (ORDER BY seq) AS total FROM (
      SELECT seq, ${SIZE} AS size
      FROM messages WHERE session = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?))
  WHERE total - size < ?`;

const HAS_MESSAGES = 'SELECT 1 FROM messages WHERE session = ? AND seq BETWEEN ? AND ? LIMIT 1';

const PURGE_TERMS = `DELETE FROM message_terms WHERE rowid IN (${FIRST_MESSAGES})`;

const PURGE_VECTORS = `DELETE FROM vectors WHERE id IN (${FIRST_MESSAGES})`;

const PURGE_MESSAGES = `DELETE FROM messages WHERE id IN (${FIRST_MESSAGES})`;

/** Messages that were deleted individually. Their rows stay: see `MESSAGE_PARTS`. */
const EXPIRED_MESSAGES = 'messages WHERE messages.deleted_at > 0 AND messages.deleted_at <= ?1';

/** The first of them up to a size in bytes. The last may exceed it. */
const SOME_EXPIRED = `SELECT id FROM (
    SELECT id, size, sum(size) OVER (ORDER BY deleted_at, id) AS total FROM (
      SELECT id, deleted_at, ${SIZE} AS size FROM ${EXPIRED_MESSAGES} ORDER BY deleted_at, id LIMIT ?2))
  WHERE total - size < ?3`;

const EMPTY_MESSAGES = `UPDATE messages SET content = '', parts = NULL, parts_whole = NULL, metadata = '{}',
  terms = '', deleted_at = -deleted_at WHERE id IN (${SOME_EXPIRED})`;

/** A retired range of an expired session counts whatever its own time: it is purged with the session. */
const COUNT_MESSAGES = `SELECT
  (SELECT coalesce(sum(last_seq - first_seq + 1), 0) FROM sessions WHERE ${EXPIRED})
  + (SELECT count(*) FROM retired_ranges JOIN messages ON messages.session = retired_ranges.session
       AND messages.seq BETWEEN first_seq AND last_seq
     WHERE retired_ranges.deleted_at <= ?1
       OR retired_ranges.session IN (SELECT id FROM sessions WHERE ${EXPIRED}))
  + (SELECT count(*) FROM ${EXPIRED_MESSAGES})`;

/** Purges expired records in steps. */
export function sqlitePurge(connection: Connection): Pick<Store, 'countExpired' | 'purge'> {
  const statement = (sql: string) => connection.statement(sql);
  const count = (sql: string, ...values: unknown[]) => Number(statement(sql).get(...values)?.[0]);

  /** Whether the log may still contain purged data. */
  let isInLog = false;

  /** Purges messages of expired retired ranges, oldest first, and the ranges that are then empty. */
  function purgeRanges(
    before: number,
    limit: number,
  ): { messages: number; remainingBytes: number } {
    let messages = 0;
    let remainingBytes = MAX_STEP_BYTES;
    for (const [id, ...range] of statement(EXPIRED_RANGES).all(before, limit)) {
      if (messages >= limit || remainingBytes <= 0) break;
      const [count, bytes] = statement(COUNT_WITHIN).get(
        ...range,
        limit - messages,
        remainingBytes,
      ) as Row;
      statement(PURGE_TERMS).run(...range, count);
      statement(PURGE_VECTORS).run(...range, count);
      messages += statement(PURGE_MESSAGES).run(...range, count);
      remainingBytes -= bytes as number;
      if (statement(HAS_MESSAGES).get(...range) !== undefined) {
        statement(MARK_PARTLY_PURGED).run(id);
        break;
      }
      statement(PURGE_SUMMARIES).run(...range);
      statement('DELETE FROM retired_ranges WHERE id = ?').run(id);
    }
    return { messages, remainingBytes };
  }

  return {
    countExpired(cutoff) {
      const before = Date.parse(cutoff);
      return connection.readSnapshot(
        (): PurgeCounts => ({
          sessions: count(`SELECT count(*) FROM sessions WHERE ${EXPIRED}`, before),
          messages: count(COUNT_MESSAGES, before),
          users: count(`SELECT count(*) FROM users WHERE ${EXPIRED}`, before),
        }),
      );
    },

    async purge(cutoff, limit) {
      const before = Date.parse(cutoff);
      const purged = await connection.write((): PurgeCounts => {
        const users = statement(PURGE_USERS).run(before, limit);
        const sessions = purgeSessions(connection, OLDEST_SESSIONS, before, limit);
        const { messages: ranged, remainingBytes } = purgeRanges(before, limit);
        const single = statement(EMPTY_MESSAGES).run(before, limit - ranged, remainingBytes);
        return { sessions, messages: ranged + single, users };
      });
      if (purged.sessions + purged.messages + purged.users > 0) isInLog = true;
      else if (isInLog) {
        // Everything is purged from the file. Now purge the log.
        connection.checkpoint();
        isInLog = false;
      }
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
  connection.statement(deleteRetired(selected)).run(...values);
  connection.statement(retireMessages(selected)).run(...values);
  return connection.statement(deleteSessions(selected)).run(...values);
}
