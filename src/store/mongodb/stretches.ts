import type { Db, Document } from 'mongodb';
import type { Message } from '../../domain/records.ts';
import type { Conversation, Stretch } from '../store.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  toConversation,
  toMessage,
} from './documents.ts';
import { messageIdOf } from './message-id.ts';
import type { Place } from './thread-writes.ts';

/** One message of a stretch; the first, or the only one without a message, has the session. */
interface Row {
  session?: SessionDocument;
  message?: MessageDocument;
}

/**
 * A session with a stretch of its messages, in one command: sequence numbers have no gaps, so the
 * server can tell from the session what the messages are called, and look up each by its `_id`.
 */
export async function readStretch(
  db: Db,
  place: Place,
  stretch: Stretch,
): Promise<{ conversation: Conversation; messages: Message[] } | undefined> {
  const rows = sessionsOf(db).aggregate<Row>(
    [
      { $match: place },
      { $project: { session: '$$ROOT', message: idsOf(stretch) } },
      {
        $unwind: {
          path: '$message',
          includeArrayIndex: 'index',
          preserveNullAndEmptyArrays: true,
        },
      },
      {
        $lookup: {
          from: 'messages',
          localField: 'message',
          foreignField: '_id',
          as: 'message',
        },
      },
      { $unwind: { path: '$message', preserveNullAndEmptyArrays: true } },
      {
        $project: {
          _id: 0,
          session: { $cond: [{ $gt: ['$index', 0] }, '$$REMOVE', '$session'] },
          message: 1,
        },
      },
      { $unset: 'message.terms' },
    ],
    { batchSize: stretch.limit + 1 },
  );
  let conversation: Conversation | undefined;
  const messages: Message[] = [];
  let bytes = 0;
  for await (const { session, message } of rows) {
    if (session !== undefined) conversation = toConversation(session);
    if (message === undefined) continue;
    messages.push(toMessage(message));
    bytes += Math.min(4 * message.token_count, stretch.enough.each);
    if (bytes >= stretch.enough.total) break;
  }
  return conversation && { conversation, messages };
}

/**
 * The names of the messages of a stretch, in its order, as an expression on the session: what
 * `stretchEdge` does, done by the server. The bounds keep within what `$range` takes.
 */
function idsOf({ order, limit, after, offset = 0 }: Stretch): Document {
  const behind = { $add: ['$last_seq', 1] };
  const range =
    order === 'asc'
      ? withEdge({ $add: [{ $max: [{ $min: [after ?? 0, '$last_seq'] }, '$base_seq'] }, offset] }, [
          { $add: ['$$edge', 1] },
          { $min: [{ $add: ['$$edge', limit + 1] }, behind] },
          1,
        ])
      : withEdge(
          {
            $subtract: [
              after === undefined ? behind : { $max: [{ $min: [after, behind] }, '$base_seq'] },
              offset,
            ],
          },
          [
            { $subtract: ['$$edge', 1] },
            { $max: [{ $subtract: ['$$edge', limit + 1] }, '$base_seq'] },
            -1,
          ],
        );
  return { $map: { input: range, in: messageIdOf('$$this') } };
}

const withEdge = (edge: Document, range: unknown[]) => ({
  $let: { vars: { edge }, in: { $range: range } },
});

/**
 * A message of a live session by its uuid, with the session, in one command. The same uuid may be in
 * threads that the session has left, or behind the end of its own.
 */
export async function findLive(
  db: Db,
  place: Place,
  uuid: string,
): Promise<(MessageDocument & { session: SessionDocument }) | undefined> {
  const [found] = await messagesOf(db)
    .aggregate<MessageDocument & { session: SessionDocument }>([
      { $match: { ...place, uuid } },
      {
        $lookup: { from: 'sessions', localField: 'thread', foreignField: 'thread', as: 'session' },
      },
      { $unwind: '$session' },
      { $match: { 'session.live': true, $expr: { $lte: ['$seq', '$session.last_seq'] } } },
      { $unset: 'terms' },
    ])
    .toArray();
  return found;
}
