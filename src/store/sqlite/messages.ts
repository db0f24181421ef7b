import { rangeLimit, rangeStart } from '../../domain/pagination.ts';
import type { Message } from '../../domain/records.ts';
import type { AccessScope, MessageStore } from '../port.ts';
import { createAppend } from './append.ts';
import type { Connection, Row } from './connection/index.ts';
import { listedMetadata, mergeStored, metadataOf, time } from './rows.ts';
import type { Indexer } from './search/indexer.ts';
import { findSessionState } from './session-state.ts';

/** What `toMessage` makes a record of. */
export const MESSAGE = 'seq, uuid, role, content, metadata, token_count, created_at, updated_at';

const LISTED = MESSAGE.replace('metadata', listedMetadata);

/** The last value but one is the end of the live messages that the order leads to. */
const STRETCH = {
  asc: `SELECT ${LISTED} FROM messages WHERE session = ? AND seq > ? AND seq <= ?
    ORDER BY seq LIMIT ?`,
  desc: `SELECT ${LISTED} FROM messages WHERE session = ? AND seq < ? AND seq >= ?
    ORDER BY seq DESC LIMIT ?`,
};

const LIVE = 'session = ? AND uuid = ? AND seq BETWEEN ? AND ?';

const BY_UUID = `SELECT ${MESSAGE} FROM messages WHERE ${LIVE}`;

const METADATA = `SELECT id, metadata FROM messages WHERE ${LIVE}`;

const SET_METADATA = `UPDATE messages SET metadata = ?, updated_at = max(updated_at, ?)
  WHERE id = ? RETURNING ${MESSAGE}`;

const ADD_SUMMARY = `INSERT INTO summaries (session, uuid, content, up_to_seq, created_at)
  VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/** How many messages are read at first: those that get_memory shows unless it is told otherwise. */
const FIRST_BATCH = 12;

/** How many are read at once at the most. */
const LAST_BATCH = 64;

/** The messages and summaries tables, and what they move in the sessions table. */
export function sqliteMessages(connection: Connection, indexer: Indexer): MessageStore {
  const statement = (sql: string) => connection.statement(sql);

  /** A session in whatever state it is, and what `LIVE` takes to find a message of it if it is live. */
  function forMessage(reach: AccessScope, sessionId: string, uuid: string) {
    const state = findSessionState(connection, reach, sessionId);
    if (state === undefined) return { session: undefined };
    const { id, conversation } = state;
    const { session, first_seq, last_seq } = conversation;
    if (session.deleted_at !== undefined) return { session };
    return { session, live: [id, uuid, first_seq, last_seq] };
  }

  return {
    append: createAppend(connection, indexer),

    read(reach, sessionId, stretch) {
      return connection.read(() => {
        const state = findSessionState(connection, reach, sessionId);
        if (state === undefined) return undefined;
        const { conversation, id } = state;
        const messages: Message[] = [];
        const { order, enough, metadataMaxBytes } = stretch;
        const end = order === 'asc' ? conversation.last_seq : conversation.first_seq;
        const limit = rangeLimit(conversation, stretch);
        let bytes = 0;
        let after = rangeStart(conversation, stretch);
        // Not with `iterate`, which fetches a hundred rows ahead.
        for (let batch = FIRST_BATCH; messages.length < limit && bytes < enough.total; batch *= 2) {
          const wanted = Math.min(batch, LAST_BATCH, limit - messages.length);
          const rows = statement(STRETCH[order]).all(metadataMaxBytes, id, after, end, wanted);
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
        const { session, live } = forMessage(reach, sessionId, uuid);
        const row = live && statement(BY_UUID).get(...live);
        return { session, message: row && toMessage(sessionId, row) };
      });
    },

    merge(reach, sessionId, uuid, patch, at) {
      return connection.write(() => {
        const { session, live } = forMessage(reach, sessionId, uuid);
        const existing = live && statement(METADATA).get(...live);
        if (existing === undefined) return { session, message: undefined };
        const merged = mergeStored(existing[1], patch);
        const row = statement(SET_METADATA).get(merged, Date.parse(at), existing[0]);
        return { session, message: toMessage(sessionId, row as Row) };
      });
    },

    summarize(reach, sessionId, uuid, summary) {
      return connection.write(() => {
        const state = findSessionState(connection, reach, sessionId);
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
        statement(ADD_SUMMARY).run(state?.id, uuid, content, up_to_seq, at);
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
    ...metadataOf(metadata),
    token_count: token_count as number,
    created_at: time(created_at),
    updated_at: time(updated_at),
  };
}
