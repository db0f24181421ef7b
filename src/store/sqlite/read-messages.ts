import { rangeLimit, rangeStart } from '../../domain/pagination.ts';
import type { Message } from '../../domain/records.ts';
import type { AccessScope } from '../common-port.ts';
import type { Conversation, MessageRange } from '../message-port.ts';
import { findSessionState } from './access-scope.ts';
import type { Connection } from './connection/index.ts';
import { listed, MESSAGE_COLUMNS, toMessage } from './rows.ts';

const COLUMNS = listed(MESSAGE_COLUMNS);

/** The third parameter is the last live message in the direction of the order. */
const NEXT = {
  asc: `SELECT ${COLUMNS} FROM messages WHERE session = ? AND seq > ? AND seq <= ?
    ORDER BY seq LIMIT ?`,
  desc: `SELECT ${COLUMNS} FROM messages WHERE session = ? AND seq < ? AND seq >= ?
    ORDER BY seq DESC LIMIT ?`,
};

/** The first batch has as many messages as get_memory returns by default. Each next one has twice as many. */
const FIRST_BATCH = 12;

const MAX_BATCH = 64;

/** Reads a session with a range of its live messages. Runs within a read. */
export function readMessages(
  connection: Connection,
  scope: AccessScope,
  sessionId: string,
  range: MessageRange,
): { conversation: Conversation; messages: Message[] } | undefined {
  const state = findSessionState(connection, scope, sessionId);
  if (state === undefined) return undefined;
  const { conversation, id } = state;
  const messages: Message[] = [];
  const { order, enough, metadataMaxBytes } = range;
  const end = order === 'asc' ? conversation.last_seq : conversation.first_seq;
  const limit = rangeLimit(conversation, range);
  let bytes = 0;
  let after = rangeStart(conversation, range);
  // The engine's `iterate` is no alternative: it fetches a hundred rows ahead.
  for (let batch = FIRST_BATCH; messages.length < limit && bytes < enough.total; batch *= 2) {
    const wanted = Math.min(batch, MAX_BATCH, limit - messages.length);
    const rows = connection.statement(NEXT[order]).all(metadataMaxBytes, id, after, end, wanted);
    for (const row of rows) {
      const message = toMessage(sessionId, row);
      messages.push(message);
      bytes += Math.min(4 * message.token_count, enough.each);
      after = message.seq;
    }
    if (rows.length < wanted) break;
  }
  return { conversation, messages };
}
