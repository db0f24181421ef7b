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
    AND deleted_at IS NULL ORDER BY seq LIMIT ? OFFSET ?`,
  desc: `SELECT ${COLUMNS} FROM messages WHERE session = ? AND seq < ? AND seq >= ?
    AND deleted_at IS NULL ORDER BY seq DESC LIMIT ? OFFSET ?`,
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
  const { first_seq, last_seq, session } = conversation;
  const limit = last_seq < first_seq ? 0 : rangeLimit(conversation, range);
  let bytes = 0;
  // Without deleted messages among them, those to skip are known by their numbers.
  const isGapless = session.message_count === last_seq - first_seq + 1;
  let after = rangeStart(conversation, isGapless ? range : { ...range, offset: 0 });
  let offset = isGapless ? 0 : (range.offset ?? 0);
  // The engine's `iterate` is no alternative: it fetches a hundred rows ahead.
  for (let batch = FIRST_BATCH; messages.length < limit && bytes < enough.total; batch *= 2) {
    const wanted = Math.min(batch, MAX_BATCH, limit - messages.length);
    const values = [metadataMaxBytes, id, after, end, wanted, offset];
    const rows = connection.statement(NEXT[order]).all(...values);
    offset = 0;
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
