import type { AccessScope } from '../common-port.ts';
import type { MessageStore } from '../message-port.ts';
import { findSessionState } from './access-scope.ts';
import { createAppend } from './append.ts';
import type { Connection, Row } from './connection/index.ts';
import { createMessageDeletion } from './delete-messages.ts';
import { readMessages } from './read-messages.ts';
import {
  MESSAGE_COLUMNS,
  mergeStored,
  toMessage,
  toTimestamp,
  WHOLE_MESSAGE_COLUMNS,
} from './rows.ts';
import type { Indexer } from './search/indexer.ts';

const IN_RANGE = 'session = ? AND uuid = ? AND seq BETWEEN ? AND ?';

const LIVE = `${IN_RANGE} AND deleted_at IS NULL`;

const BY_UUID = `SELECT ${WHOLE_MESSAGE_COLUMNS} FROM messages WHERE ${LIVE}`;

const DELETED = `SELECT deleted_at FROM messages WHERE ${IN_RANGE} AND deleted_at > 0`;

const METADATA = `SELECT id, metadata FROM messages WHERE ${LIVE}`;

const SET_METADATA = `UPDATE messages SET metadata = ?, updated_at = max(updated_at, ?)
  WHERE id = ? RETURNING ${MESSAGE_COLUMNS}`;

const ADD_SUMMARY = `INSERT INTO summaries (session, uuid, content, up_to_seq, created_at)
  VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`;

/** The messages and summaries tables, and the columns of sessions that change with them. */
export function sqliteMessages(connection: Connection, indexer: Indexer): MessageStore {
  const statement = (sql: string) => connection.statement(sql);

  /** A session, live or deleted. If it is live, also the parameters of `LIVE` for one of its messages. */
  function forMessage(scope: AccessScope, sessionId: string, uuid: string) {
    const state = findSessionState(connection, scope, sessionId);
    if (state === undefined) return { session: undefined };
    const { id, conversation } = state;
    const { session, first_seq, last_seq } = conversation;
    if (session.deleted_at !== undefined) return { session };
    return { session, live: [id, uuid, first_seq, last_seq] };
  }

  /** When a message was deleted individually. @param live the parameters of `IN_RANGE` */
  function deletionOf(live: readonly unknown[]): { deleted_at?: string } {
    const row = statement(DELETED).get(...live);
    return row === undefined ? {} : { deleted_at: toTimestamp(row[0]) };
  }

  return {
    append: createAppend(connection, indexer),

    ...createMessageDeletion(connection, indexer),

    read: (scope, sessionId, range) =>
      connection.readSnapshot(() => readMessages(connection, scope, sessionId, range)),

    find(scope, sessionId, uuid) {
      return connection.readSnapshot(() => {
        const { session, live } = forMessage(scope, sessionId, uuid);
        const row = live && statement(BY_UUID).get(...live);
        if (row !== undefined) return { session, message: toMessage(sessionId, row) };
        return { session, message: undefined, ...(live && deletionOf(live)) };
      });
    },

    merge(scope, sessionId, uuid, patch, at) {
      return connection.write(() => {
        const { session, live } = forMessage(scope, sessionId, uuid);
        const existing = live && statement(METADATA).get(...live);
        if (existing === undefined) {
          return { session, message: undefined, ...(live && deletionOf(live)) };
        }
        const merged = mergeStored(existing[1], patch);
        const row = statement(SET_METADATA).get(merged, Date.parse(at), existing[0]);
        return { session, message: toMessage(sessionId, row as Row) };
      });
    },

    summarize(scope, sessionId, uuid, summary) {
      return connection.write(() => {
        const state = findSessionState(connection, scope, sessionId);
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
