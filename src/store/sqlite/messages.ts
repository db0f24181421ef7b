import type { JsonObject } from '../../domain/metadata.ts';
import { stretchEdge, stretchLimit } from '../../domain/pages.ts';
import type { Message } from '../../domain/records.ts';
import type { Append, Appended, Conversation, MessageStore, Reach } from '../store.ts';
import type { Connection, Row } from './connection.ts';
import type { Indexer } from './indexer.ts';
import { mergeStored, time } from './rows.ts';
import { REACHED, reached, SESSION_COLUMNS, toSession } from './sessions.ts';

const SESSION = `SELECT id, thread, base_seq, last_seq, user_deleted IS NOT NULL, ${SESSION_COLUMNS}
  FROM sessions WHERE ${REACHED}`;

const CREATE_SESSION = `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at, updated_at)
  VALUES (?, ?, ?, '{}', ?, ?)`;

const NEW_THREAD = 'INSERT INTO threads (deleted_at) VALUES (NULL) RETURNING id';

const LEAVE_THREAD = 'UPDATE threads SET deleted_at = ? WHERE id = ?';

const BEGIN_THREAD = `UPDATE sessions SET thread = ?, base_seq = last_seq, deleted_at = NULL
  WHERE id = ?`;

const ADVANCE = `UPDATE sessions SET last_seq = ?, updated_at = max(updated_at, ?),
  last_message_at = max(coalesce(last_message_at, 0), ?) WHERE id = ?
  RETURNING base_seq, last_message_at`;

const INSERT = `INSERT INTO messages
  (thread, seq, uuid, role, content, metadata, token_count, created_at, updated_at, terms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`;

/** The vector of what a message said before. */
const FORGET_MEANING = 'DELETE FROM vectors WHERE id = ?';

const EXISTING = 'SELECT id, seq, metadata FROM messages WHERE thread = ? AND uuid = ?';

const REPLACE = `UPDATE messages SET role = ?, content = ?, metadata = ?, token_count = ?,
  updated_at = ?, terms = ? WHERE id = ?`;

/** What `toMessage` makes a record of. */
export const MESSAGE = 'seq, uuid, role, content, metadata, token_count, created_at, updated_at';

const STRETCH = {
  asc: `SELECT ${MESSAGE} FROM messages WHERE thread = ? AND seq > ? ORDER BY seq LIMIT ?`,
  desc: `SELECT ${MESSAGE} FROM messages WHERE thread = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
};

const BY_UUID = `SELECT ${MESSAGE} FROM messages WHERE thread = ? AND uuid = ?`;

const SET_METADATA = `UPDATE messages SET metadata = ?, updated_at = max(updated_at, ?)
  WHERE id = ? RETURNING ${MESSAGE}`;

const SUMMARY = `SELECT content, up_to_seq, created_at FROM summaries WHERE thread = ?
  ORDER BY up_to_seq DESC, id DESC LIMIT 1`;

const ADD_SUMMARY = `INSERT INTO summaries (thread, uuid, content, up_to_seq, created_at)
  VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/** How many messages are read at first: as many of the longest as a call can bear. */
const FIRST_BATCH = 8;

/** How many are read at once at the most: metadata, too, can take a quarter megabyte each. */
const LAST_BATCH = 64;

/** A session's row, with what only this file needs of it. */
interface State {
  conversation: Conversation;
  id: number;
  /** `null` until the first message. */
  thread: number | null;
  userDeleted: boolean;
}

/** The messages and summaries tables, and what they move in the sessions table. */
export function sqliteMessages(connection: Connection, indexer: Indexer): MessageStore {
  const statement = (sql: string) => connection.statement(sql);

  function stateOf(reach: Reach, sessionId: string): State | undefined {
    const row = statement(SESSION).get(...reached(reach, sessionId));
    if (row === undefined) return undefined;
    const [id, thread, base, last, userDeleted, ...session] = row as [
      ...[id: number, thread: number | null, base: number, last: number, userDeleted: number],
      ...unknown[],
    ];
    const found = thread === null ? undefined : statement(SUMMARY).get(thread);
    return {
      id,
      thread,
      userDeleted: userDeleted === 1,
      conversation: {
        session: toSession(session),
        first_seq: base + 1,
        last_seq: last,
        ...(found !== undefined && {
          summary: {
            content: found[0] as string,
            up_to_seq: found[1] as number,
            created_at: time(found[2]),
          },
        }),
      },
    };
  }

  /** A session in whatever state it is, and its thread if it is live and has one. */
  function liveSession(reach: Reach, sessionId: string) {
    const state = stateOf(reach, sessionId);
    const session = state?.conversation.session;
    const live = session !== undefined && session.deleted_at === undefined;
    return { session, thread: live ? (state?.thread ?? null) : null };
  }

  /** The session's live thread, begun if there is none. */
  function liveThread({ id, thread, conversation }: State): number {
    const { deleted_at } = conversation.session;
    if (thread !== null && deleted_at === undefined) return thread;
    if (thread !== null && deleted_at !== undefined) {
      statement(LEAVE_THREAD).run(Date.parse(deleted_at), thread);
    }
    const begun = statement(NEW_THREAD).get()?.[0] as number;
    statement(BEGIN_THREAD).run(begun, id);
    return begun;
  }

  function write(thread: number, first: number, { messages, mayExist, at }: Append) {
    const now = Date.parse(at);
    let next = first;
    return messages.map(({ uuid, given, role, content, metadata, token_count, terms }) => {
      const listed = terms.join(' ');
      const existing = mayExist ? statement(EXISTING).get(thread, uuid) : undefined;
      if (existing !== undefined) {
        const [id, seq, stored] = existing;
        const merged = mergeStored(stored, metadata);
        statement(REPLACE).run(role, content, merged, token_count, now, listed, id);
        indexer.leaveAgain(id as number);
        statement(FORGET_MEANING).run(id);
        return { uuid, seq: seq as number, created: !given };
      }
      const seq = next++;
      const json = JSON.stringify(metadata);
      const values = [thread, seq, uuid, role, content, json, token_count, now, now, listed];
      indexer.leave(statement(INSERT).get(...values)?.[0] as number);
      return { uuid, seq, created: true };
    });
  }

  return {
    append(reach, sessionId, append) {
      const now = Date.parse(append.at);
      return connection.write(() => {
        let state = stateOf(reach, sessionId);
        if (state?.userDeleted) {
          return { applied: false, found: state.conversation.session };
        }
        if (state === undefined) {
          if (reach.user_id !== undefined) return { applied: false, found: undefined };
          statement(CREATE_SESSION).run(reach.namespace, sessionId, append.session_uuid, now, now);
          state = stateOf(reach, sessionId) as State;
        }
        const { last_seq: before, session, summary } = state.conversation;
        const { uuid, user_id } = session;
        const thread = liveThread(state);
        const messages = write(thread, before + 1, append);
        indexer.settle();
        const last_seq = before + messages.filter((message) => message.created).length;
        const [base, last_message_at] = statement(ADVANCE).get(last_seq, now, now, state.id) as Row;
        const record: Appended = {
          session: {
            session_id: sessionId,
            uuid,
            ...(user_id !== undefined && { user_id }),
            message_count: last_seq - (base as number),
            last_message_at: time(last_message_at),
          },
          first_seq: (base as number) + 1,
          last_seq,
          ...(thread === state.thread && summary !== undefined && { summary }),
          thread: String(thread),
          messages,
        };
        return { applied: true, record };
      });
    },

    read(reach, sessionId, stretch) {
      return connection.read(() => {
        const state = stateOf(reach, sessionId);
        if (state === undefined) return undefined;
        const { conversation, thread } = state;
        const messages: Message[] = [];
        if (thread === null) return { conversation, messages };
        const { order, enough } = stretch;
        const limit = stretchLimit(conversation, stretch);
        let bytes = 0;
        let after = stretchEdge(conversation, stretch);
        // Not with `iterate`, which fetches a hundred rows ahead.
        for (let batch = FIRST_BATCH; messages.length < limit && bytes < enough.total; batch *= 2) {
          const wanted = Math.min(batch, LAST_BATCH, limit - messages.length);
          const rows = statement(STRETCH[order]).all(thread, after, wanted);
          for (const row of rows) {
            const message = toMessage(sessionId, row);
            messages.push(message);
            bytes += Math.min(4 * message.token_count, enough.each);
            after = message.seq;
          }
          if (rows.length < wanted) break;
        }
        return { conversation, messages };
      });
    },

    find(reach, sessionId, uuid) {
      return connection.read(() => {
        const { session, thread } = liveSession(reach, sessionId);
        const row = thread === null ? undefined : statement(BY_UUID).get(thread, uuid);
        return { session, message: row && toMessage(sessionId, row) };
      });
    },

    merge(reach, sessionId, uuid, patch, at) {
      return connection.write(() => {
        const { session, thread } = liveSession(reach, sessionId);
        const existing = thread === null ? undefined : statement(EXISTING).get(thread, uuid);
        if (existing === undefined) return { session, message: undefined };
        const merged = mergeStored(existing[2], patch);
        const row = statement(SET_METADATA).get(merged, Date.parse(at), existing[0]);
        return { session, message: toMessage(sessionId, row as Row) };
      });
    },

    summarize(reach, sessionId, uuid, summary) {
      return connection.write(() => {
        const state = stateOf(reach, sessionId);
        const conversation = state?.conversation;
        if (
          conversation === undefined ||
          conversation.session.deleted_at !== undefined ||
          summary.up_to_seq < (conversation.summary?.up_to_seq ?? conversation.first_seq) ||
          summary.up_to_seq > conversation.last_seq
        ) {
          return { applied: false, found: conversation };
        }
        const { content, up_to_seq, created_at } = summary;
        const at = Date.parse(created_at);
        statement(ADD_SUMMARY).run(state?.thread, uuid, content, up_to_seq, at);
        return { applied: true, record: { ...conversation, summary } };
      });
    },
  };
}

export function toMessage(session_id: string, row: Row): Message {
  const [seq, uuid, role, content, metadata, token_count, created_at, updated_at] = row;
  return {
    uuid: uuid as string,
    session_id,
    seq: seq as number,
    role: role as string,
    content: content as string,
    metadata: JSON.parse(metadata as string) as JsonObject,
    token_count: token_count as number,
    created_at: time(created_at),
    updated_at: time(updated_at),
  };
}
