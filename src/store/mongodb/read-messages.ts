import type { Db, Document } from 'mongodb';
import type { Message } from '../../domain/records.ts';
import type { Conversation, MessageRange } from '../message-port.ts';
import { accessStages, type SessionRef } from './access-scope.ts';
import {
  COLLECTION,
  MESSAGE_FIELDS,
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  toConversation,
  toMessage,
} from './documents.ts';
import { messageIdOf } from './message-id.ts';

/**
 * How many messages the server looks up at once, into one document, which with the session must fit
 * into 16 MB: the longest take 3 MB each, with metadata that BSON makes six times as long.
 */
const AT_ONCE = 4;

/** More sessions than there ever were of one identifier: each may have a message of the same uuid. */
const MOST_SESSIONS = 1_000_000;

/** A few messages of a stretch, in no order; the first, or the only one without any, has the session. */
interface Row {
  session?: Omit<SessionDocument, 'retired'>;
  messages: Pick<MessageDocument, (typeof MESSAGE_FIELDS)[number]>[];
}

/**
 * A session with a stretch of its messages, in one command: sequence numbers have no gaps, so the
 * server can tell from the session what the messages are called, and look them up by their `_id`.
 */
export async function readMessages(
  db: Db,
  { session_id, ...reach }: SessionRef,
  stretch: MessageRange,
): Promise<{ conversation: Conversation; messages: Message[] } | undefined> {
  const rows = sessionsOf(db).aggregate<Row>(
    [
      ...accessStages(reach, { session_id }),
      { $unset: 'retired' },
      { $project: { session: '$$ROOT', messages: idsOf(stretch) } },
      {
        $unwind: {
          path: '$messages',
          includeArrayIndex: 'index',
          preserveNullAndEmptyArrays: true,
        },
      },
      {
        $lookup: {
          from: COLLECTION.messages,
          localField: 'messages',
          foreignField: '_id',
          as: 'messages',
        },
      },
      {
        $project: {
          _id: 0,
          session: { $cond: [{ $gt: ['$index', 0] }, '$$REMOVE', '$session'] },
          messages: { $map: { input: '$messages', in: listed(stretch.metadataMaxBytes) } },
        },
      },
    ],
    { batchSize: Math.ceil(Math.max(stretch.limit, stretch.unsummarized ?? 0) / AT_ONCE) + 1 },
  );
  const { order, enough } = stretch;
  const direction = order === 'asc' ? 1 : -1;
  let conversation: Conversation | undefined;
  const messages: Message[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (row.session !== undefined) conversation = toConversation(row.session);
    for (const message of row.messages.sort((a, b) => direction * (a.seq - b.seq))) {
      messages.push(toMessage(message));
      bytes += Math.min(4 * message.token_count, enough.each);
    }
    if (bytes >= enough.total) break;
  }
  return conversation && { conversation, messages };
}

/** A message as a stretch has it: its metadata, or how many bytes it takes where those are too many. */
function listed(metadataMaxBytes: number): Document {
  const bytes = { $bsonSize: '$$this.metadata' };
  return {
    ...Object.fromEntries(MESSAGE_FIELDS.map((field) => [field, `$$this.${field}`])),
    metadata: { $cond: [{ $gt: [bytes, metadataMaxBytes] }, bytes, '$$this.metadata'] },
  };
}

/**
 * The names of the messages of a stretch, in its order and a few at a time, as an expression on the
 * session: what `stretchEdge` and `stretchLimit` do, done by the server. The bounds keep within what
 * `$range` takes.
 */
function idsOf({ order, limit, unsummarized = 0, after, offset = 0 }: MessageRange): Document {
  const behind = { $add: ['$last_seq', 1] };
  const [step, within] = order === 'asc' ? ([1, '$min'] as const) : ([-1, '$max'] as const);
  const before = { $subtract: ['$first_seq', 1] };
  const end = order === 'asc' ? behind : before;
  const edge =
    order === 'asc'
      ? { $max: [{ $min: [after ?? 0, '$last_seq'] }, before] }
      : { $max: [{ $min: [after ?? behind, behind] }, before] };
  const left = { $subtract: ['$last_seq', { $ifNull: ['$summary.up_to_seq', '$last_seq'] }] };
  const most = { $max: [limit, { $min: [unsummarized, left] }] };
  const ahead = (seq: unknown, count: unknown) => ({ $add: [seq, { $multiply: [step, count] }] });
  const few = { $range: ['$$start', { [within]: [ahead('$$start', AT_ONCE), '$$end'] }, step] };
  const many = {
    $map: {
      input: { $range: ['$$first', '$$end', step * AT_ONCE] },
      as: 'start',
      in: { $map: { input: few, in: messageIdOf('$$this') } },
    },
  };
  const bounded = withVar('end', { [within]: [ahead('$$first', most), end] }, many);
  return withVar('first', ahead(edge, offset + 1), bounded);
}

const withVar = (name: string, value: unknown, expression: Document): Document => ({
  $let: { vars: { [name]: value }, in: expression },
});

/**
 * A live message by its uuid, with the session, in one command. The same uuid may be in earlier sessions
 * of the identifier, or behind the end of this one.
 */
export async function findLive(
  db: Db,
  { session_id, ...reach }: SessionRef,
  uuid: string,
): Promise<(MessageDocument & { session: SessionDocument }) | undefined> {
  const [found] = await messagesOf(db)
    .aggregate<MessageDocument & { session: SessionDocument }>([
      ...accessStages(reach, { session_id, uuid }, MOST_SESSIONS),
      {
        $lookup: {
          from: COLLECTION.sessions,
          localField: 'session_uuid',
          foreignField: '_id',
          as: 'session',
        },
      },
      { $unwind: '$session' },
      {
        $match: {
          'session.live': true,
          $expr: {
            $and: [
              { $gte: ['$seq', '$session.first_seq'] },
              { $lte: ['$seq', '$session.last_seq'] },
            ],
          },
        },
      },
      { $unset: ['terms', 'session.retired'] },
    ])
    .toArray();
  return found;
}
