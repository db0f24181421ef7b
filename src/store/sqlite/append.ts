import type { SeqRange } from '../../domain/positions.ts';
import type { Session } from '../../domain/records.ts';
import type {
  AccessScope,
  Append,
  Appended,
  MessageStore,
  RetiredRange,
  WriteResult,
} from '../port.ts';
import type { Connection, Row } from './connection/index.ts';
import { mergeStored, time } from './rows.ts';
import type { Indexer } from './search/indexer.ts';
import { findSessionState, type SessionState } from './session-state.ts';
import { RESTORABLE } from './sessions.ts';

const CREATE_SESSION = `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at, updated_at)
  VALUES (?, ?, ?, '{}', ?, ?)`;

/** Never before an older one of the session: a clock may have been set back. */
const RETIRE = `INSERT INTO retired_ranges (session, first_seq, last_seq, deleted_at)
  VALUES (?1, ?2, ?3, max(?4,
    (SELECT coalesce(max(deleted_at), 0) FROM retired_ranges WHERE session = ?1)))`;

const RETIRED = `SELECT first_seq, last_seq, deleted_at FROM retired_ranges
  WHERE session = ? AND ${RESTORABLE} ORDER BY first_seq`;

const REVIVE = `UPDATE sessions SET first_seq = last_seq + 1, deleted_at = NULL, revived_by = ?
  WHERE id = ?`;

const ADVANCE = `UPDATE sessions SET last_seq = ?, updated_at = max(updated_at, ?),
  last_message_at = max(coalesce(last_message_at, 0), ?) WHERE id = ?
  RETURNING last_message_at`;

const INSERT = `INSERT INTO messages
  (session, seq, uuid, role, content, metadata, token_count, created_at, updated_at, terms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`;

/** The vector of what a message said before. */
const FORGET_MEANING = 'DELETE FROM vectors WHERE id = ?';

const EXISTING = 'SELECT id, seq, metadata FROM messages WHERE session = ? AND uuid = ?';

/** A retired message gives up its uuid to one that comes with it. */
const RENAME = 'UPDATE messages SET uuid = ? WHERE id = ?';

const REPLACE = `UPDATE messages SET role = ?, content = ?, metadata = ?, token_count = ?,
  updated_at = ?, terms = ? WHERE id = ?`;

/** Appends messages, in one transaction with what they move in the session. */
export function createAppend(connection: Connection, indexer: Indexer): MessageStore['append'] {
  const statement = (sql: string) => connection.statement(sql);

  /** A session as an append needs it: created, or revived without its messages. */
  function begin(reach: AccessScope, sessionId: string, append: Append): SessionState | undefined {
    const state = findSessionState(connection, reach, sessionId);
    if (state === undefined) {
      if (reach.user_id !== undefined) return undefined;
      const at = Date.parse(append.at);
      statement(CREATE_SESSION).run(reach.namespace, sessionId, append.newUuid(), at, at);
      return findSessionState(connection, reach, sessionId);
    }
    const { session, first_seq, last_seq } = state.conversation;
    if (session.deleted_at === undefined || state.userDeleted) return state;
    if (last_seq >= first_seq) {
      statement(RETIRE).run(state.id, first_seq, last_seq, Date.parse(session.deleted_at));
    }
    statement(REVIVE).run(append.messages[0]?.uuid ?? null, state.id);
    return findSessionState(connection, reach, sessionId);
  }

  /** @param live the messages that may be updated in place; others with such a uuid are retired */
  function write(id: number, live: SeqRange, { messages, hasClientUuids, at, newUuid }: Append) {
    const now = Date.parse(at);
    let next = live.last_seq + 1;
    return messages.map(({ uuid, hasClientUuid, role, content, metadata, token_count, terms }) => {
      const listed = terms.join(' ');
      const existing = hasClientUuids ? statement(EXISTING).get(id, uuid) : undefined;
      if (existing !== undefined && (existing[1] as number) >= live.first_seq) {
        const [message, seq, stored] = existing;
        const merged = mergeStored(stored, metadata);
        statement(REPLACE).run(role, content, merged, token_count, now, listed, message);
        indexer.leaveAgain(message as number);
        statement(FORGET_MEANING).run(message);
        return { uuid, seq: seq as number, created: !hasClientUuid };
      }
      if (existing !== undefined) statement(RENAME).run(newUuid(), existing[0]);
      const seq = next++;
      const json = JSON.stringify(metadata);
      const values = [id, seq, uuid, role, content, json, token_count, now, now, listed];
      indexer.leave(statement(INSERT).get(...values)?.[0] as number);
      return { uuid, seq, created: true };
    });
  }

  /** What an append tells of a session that it revived, also where it comes once more. */
  function revivalBy(
    { messages }: Append,
    { id, revivedBy }: SessionState,
  ): { retired?: RetiredRange[] } {
    if (revivedBy === null || revivedBy !== messages[0]?.uuid) return {};
    return {
      retired: statement(RETIRED)
        .all(id)
        .map(([first_seq, last_seq, deleted_at]) => ({
          ...{ first_seq: first_seq as number, last_seq: last_seq as number },
          deleted_at: time(deleted_at),
        })),
    };
  }

  return async (reach, sessionId, append) => {
    const now = Date.parse(append.at);
    const count = append.messages.length;
    if (indexer.isFull(count)) await indexer.makeRoom(count);
    return connection.write((): WriteResult<Appended, Session> => {
      const state = begin(reach, sessionId, append);
      if (state === undefined) return { applied: false, found: undefined };
      const { session, summary, ...live } = state.conversation;
      if (state.userDeleted) return { applied: false, found: session };
      const messages = write(state.id, live, append);
      indexer.settle();
      const { first_seq } = live;
      const last_seq = live.last_seq + messages.filter((message) => message.created).length;
      const [last_message_at] = statement(ADVANCE).get(last_seq, now, now, state.id) as Row;
      const { uuid, user_id } = session;
      const record: Appended = {
        session: {
          session_id: sessionId,
          uuid,
          ...(user_id !== undefined && { user_id }),
          message_count: last_seq - first_seq + 1,
          last_message_at: time(last_message_at),
        },
        first_seq,
        last_seq,
        ...(summary !== undefined && { summary }),
        messages,
        ...revivalBy(append, state),
      };
      return { applied: true, record };
    });
  };
}
