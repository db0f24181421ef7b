import type { SeqRange } from '../../domain/positions.ts';
import type { Session } from '../../domain/records.ts';
import { ANALYSIS_VERSION } from '../../search/analyzer.ts';
import type { AccessScope, WriteResult } from '../common-port.ts';
import { lastTime } from '../last-time.ts';
import type { Append, Appended, MessageStore, RetiredRange } from '../message-port.ts';
import { findSessionState, type SessionState } from './access-scope.ts';
import type { Connection, Row } from './connection/index.ts';
import { MessageNumbers } from './message-numbers.ts';
import { countDeleted, mergeStored, toTimestamp } from './rows.ts';
import type { Indexer } from './search/indexer.ts';
import { RESTORABLE } from './sessions.ts';

const CREATE_SESSION = `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at, updated_at)
  VALUES (?, ?, ?, '{}', ?, ?)`;

/** A range never has an earlier time than an older range of its session, even if the clock was set back. */
const RETIRE = `INSERT INTO retired_ranges (session, first_seq, last_seq, deleted_at)
  VALUES (?1, ?2, ?3, max(?4,
    (SELECT coalesce(max(deleted_at), 0) FROM retired_ranges WHERE session = ?1)))`;

const RETIRED = `SELECT first_seq, last_seq, deleted_at,
    ${countDeleted('retired_ranges.session', 'first_seq', 'last_seq')}
  FROM retired_ranges WHERE session = ? AND ${RESTORABLE} ORDER BY first_seq`;

const REVIVE = `UPDATE sessions SET first_seq = last_seq + 1, deleted_count = 0, deleted_at = NULL,
  revived_by = ? WHERE id = ?`;

const ADVANCE = `UPDATE sessions SET last_seq = ?1, updated_at = max(updated_at, ?2),
  last_message_at = max(coalesce(last_message_at, ?3), ?3) WHERE id = ?4
  RETURNING last_message_at`;

const INSERT = `INSERT INTO messages
  (id, session, seq, uuid, role, content, parts, parts_whole, metadata, token_count, created_at,
    updated_at, terms, analysis)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${ANALYSIS_VERSION})`;

/** Deletes the vector of a message's former content. */
export const DELETE_VECTOR = 'DELETE FROM vectors WHERE id = ?';

const EXISTING =
  'SELECT id, seq, metadata, created_at, deleted_at FROM messages WHERE session = ? AND uuid = ?';

/** A retired or deleted message gets another uuid if a new message comes with the same one. */
const CHANGE_UUID = 'UPDATE messages SET uuid = ? WHERE id = ?';

const REPLACE = `UPDATE messages SET id = ?, role = ?, content = ?, parts = ?, parts_whole = ?,
  metadata = ?, token_count = ?, created_at = ?, updated_at = ?, terms = ?,
  analysis = ${ANALYSIS_VERSION} WHERE id = ?`;

/** Appends messages. The session changes in the same transaction. */
export function createAppend(connection: Connection, indexer: Indexer): MessageStore['append'] {
  const statement = (sql: string) => connection.statement(sql);

  /**
   * Finds the session. Creates it if it does not exist. Revives it, without its messages, if it is deleted.
   */
  function prepareSession(
    scope: AccessScope,
    sessionId: string,
    append: Append,
  ): (SessionState & { isNew?: boolean }) | undefined {
    const state = findSessionState(connection, scope, sessionId);
    if (state === undefined) {
      if (scope.user_id !== undefined) return undefined;
      const at = Date.parse(append.at);
      statement(CREATE_SESSION).run(scope.namespace, sessionId, append.newUuid(), at, at);
      const created = findSessionState(connection, scope, sessionId);
      return created && { ...created, isNew: true };
    }
    const { session, first_seq, last_seq } = state.conversation;
    if (session.deleted_at === undefined || state.userDeleted) return state;
    if (last_seq >= first_seq) {
      statement(RETIRE).run(state.id, first_seq, last_seq, Date.parse(session.deleted_at));
    }
    statement(REVIVE).run(append.messages[0]?.uuid ?? null, state.id);
    return findSessionState(connection, scope, sessionId);
  }

  /**
   * Inserts new messages, and updates live ones that have the same uuid.
   *
   * @param live the live range of the session. A message outside it is retired.
   */
  function writeMessages(
    id: number,
    live: SeqRange,
    { messages, hasClientUuids, at, newUuid }: Append,
  ) {
    const now = Date.parse(at);
    const numbers = new MessageNumbers(connection);
    let nextSeq = live.last_seq + 1;
    return messages.map((message) => {
      const { uuid, hasClientUuid, role, content, metadata, token_count } = message;
      const { preview = null, whole = null } = message.parts ?? {};
      const spokenAt = message.created_at === undefined ? null : Date.parse(message.created_at);
      const terms = message.terms.join(' ');
      const existing = hasClientUuids ? statement(EXISTING).get(id, uuid) : undefined;
      const isLive = existing?.[4] === null && (existing[1] as number) >= live.first_seq;
      if (existing !== undefined && isLive) {
        const [number, seq, stored, created] = existing as [number, number, unknown, number];
        const time = spokenAt ?? created;
        const newNumber = time === created ? number : numbers.next(time);
        const merged = mergeStored(stored, metadata);
        const values = [role, content, preview, whole, merged, token_count, time, now, terms];
        statement(REPLACE).run(newNumber, ...values, number);
        indexer.reenqueue(number, newNumber);
        statement(DELETE_VECTOR).run(number);
        return { uuid, seq, created: !hasClientUuid };
      }
      if (existing !== undefined) statement(CHANGE_UUID).run(newUuid(), existing[0]);
      const seq = nextSeq++;
      const time = spokenAt ?? now;
      const number = numbers.next(time);
      const json = JSON.stringify(metadata);
      const values = [role, content, preview, whole, json, token_count, time, now, terms];
      statement(INSERT).run(number, id, seq, uuid, ...values);
      indexer.enqueue(number);
      return { uuid, seq, created: true };
    });
  }

  /** The retired ranges, if this append revived the session. A repeated append reports them again. */
  function revivalOf(
    { messages }: Append,
    { id, revivedBy }: SessionState,
  ): { retired?: RetiredRange[] } {
    if (revivedBy === null || revivedBy !== messages[0]?.uuid) return {};
    return {
      retired: statement(RETIRED)
        .all(id)
        .map(([first_seq, last_seq, deleted_at, deleted_count]) => ({
          ...{ first_seq: first_seq as number, last_seq: last_seq as number },
          deleted_count: deleted_count as number,
          deleted_at: toTimestamp(deleted_at),
        })),
    };
  }

  return async (scope, sessionId, append) => {
    const now = Date.parse(append.at);
    const count = append.messages.length;
    if (indexer.isFull(count)) await indexer.makeRoom(count);
    return connection.write((): WriteResult<Appended, Session> => {
      const state = prepareSession(scope, sessionId, append);
      if (state === undefined) return { applied: false, found: undefined };
      const { session, summary, ...live } = state.conversation;
      if (state.userDeleted) return { applied: false, found: session };
      const messages = writeMessages(state.id, live, append);
      indexer.enforceBacklogLimit();
      const { first_seq } = live;
      const last_seq = live.last_seq + messages.filter((message) => message.created).length;
      const times = [now, lastTime(append)];
      const [last_message_at] = statement(ADVANCE).get(last_seq, ...times, state.id) as Row;
      const { uuid, user_id } = session;
      const record: Appended = {
        session: {
          session_id: sessionId,
          uuid,
          ...(user_id !== undefined && { user_id }),
          message_count: session.message_count + last_seq - live.last_seq,
          last_message_at: toTimestamp(last_message_at),
        },
        ...(state.isNew && { created: true }),
        first_seq,
        last_seq,
        ...(summary !== undefined && { summary }),
        messages,
        ...revivalOf(append, state),
      };
      return { applied: true, record };
    });
  };
}
