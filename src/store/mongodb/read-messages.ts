import type { Db, Document } from 'mongodb';
import { rangeLimit, rangeStart } from '../../domain/pagination.ts';
import type { SeqRange } from '../../domain/positions.ts';
import type { Message } from '../../domain/records.ts';
import type { Conversation, MessageRange } from '../message-port.ts';
import { accessStages, type SessionRef } from './access-scope.ts';
import { INDEX } from './connection/indexes.ts';
import {
  COLLECTION,
  type MessageDocument,
  messageKey,
  messagesOf,
  positionKeyOf,
  type SessionDocument,
  sessionsOf,
} from './documents.ts';
import { MESSAGE_FIELDS, toConversation, toMessage } from './records.ts';

/**
 * How many messages the server looks up into one document, which has to fit into 16 MB with the session.
 * The longest messages take 3 MB each, if BSON makes their metadata six times as long.
 */
const LOOKUP_SIZE = 4;

/**
 * More sessions than one identifier ever had, one after the other. Each may have a message with the same
 * uuid.
 */
const MAX_SESSIONS = 1_000_000;

/** Some messages of a range, unordered. The first row has the session, even if there are no messages. */
interface Row {
  session?: Omit<SessionDocument, 'retired'>;
  messages: Pick<MessageDocument, (typeof MESSAGE_FIELDS)[number] | 'deleted_at'>[];
}

/**
 * Reads a session with a range of its messages, in one command. Sequence numbers have no gaps, so that
 * the server can compute the messages' `_id`s from the session, and look them up.
 *
 * @returns `undefined` if the session is not in scope; it may be soft-deleted
 */
export async function readMessages(
  db: Db,
  { session_id, ...scope }: SessionRef,
  range: MessageRange,
): Promise<{ conversation: Conversation; messages: Message[] } | undefined> {
  const rows = sessionsOf(db).aggregate<Row>(
    [
      ...accessStages(scope, { session_id }),
      { $unset: 'retired' },
      { $project: { session: '$$ROOT', messages: idsOf(range) } },
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
          messages: { $map: { input: '$messages', in: listed(range.metadataMaxBytes) } },
        },
      },
    ],
    { batchSize: Math.ceil(Math.max(range.limit, range.unsummarized ?? 0) / LOOKUP_SIZE) + 1 },
  );
  const { order, enough } = range;
  const direction = order === 'asc' ? 1 : -1;
  let conversation: Conversation | undefined;
  const messages: Message[] = [];
  let bytes = 0;
  for await (const row of rows) {
    if (row.session !== undefined) {
      conversation = toConversation(row.session);
      if ((row.session.deleted_count ?? 0) > 0) {
        await rows.close();
        return { conversation, messages: await readUndeleted(db, row.session, range) };
      }
    }
    for (const message of row.messages.sort((a, b) => direction * (a.seq - b.seq))) {
      // On a standalone server, the session may not count it as deleted yet.
      if (message.deleted_at !== undefined) continue;
      messages.push(toMessage(message));
      bytes += Math.min(4 * message.token_count, enough.each);
    }
    if (bytes >= enough.total) break;
  }
  return conversation && { conversation, messages };
}

/**
 * Reads a range of the messages of a session that has deleted ones among them: which numbers are left is
 * not known beforehand.
 */
async function readUndeleted(
  db: Db,
  session: Pick<SessionDocument, '_id' | 'namespace' | 'session_id'> & SeqRange,
  range: MessageRange,
): Promise<Message[]> {
  const { first_seq, last_seq } = session;
  const { order, enough, offset = 0, metadataMaxBytes } = range;
  const after = rangeStart(session, { ...range, offset: 0 });
  const seq = order === 'asc' ? { $gt: after, $lte: last_seq } : { $lt: after, $gte: first_seq };
  const found = messagesOf(db)
    .find({ ...messageKey(session), seq, deleted_at: { $exists: false } } as Document)
    .hint(INDEX.position)
    .sort({ seq: order === 'asc' ? 1 : -1 })
    .skip(offset)
    .limit(rangeLimit(session, range))
    .batchSize(LOOKUP_SIZE)
    .project<Row['messages'][number]>(listed(metadataMaxBytes, '$'));
  const messages: Message[] = [];
  let bytes = 0;
  for await (const message of found) {
    messages.push(toMessage(message));
    bytes += Math.min(4 * message.token_count, enough.each);
    if (bytes >= enough.total) break;
  }
  return messages;
}

/** The fields of a message, as an expression. Metadata that is too large is replaced by its size in bytes. */
function listed(metadataMaxBytes: number, prefix = '$$this.'): Document {
  const bytes = { $bsonSize: `${prefix}metadata` };
  return {
    ...Object.fromEntries(MESSAGE_FIELDS.map((field) => [field, `${prefix}${field}`])),
    metadata: { $cond: [{ $gt: [bytes, metadataMaxBytes] }, bytes, `${prefix}metadata`] },
    deleted_at: `${prefix}deleted_at`,
  };
}

/**
 * The `_id`s of the messages of a range, in its order and in arrays of `LOOKUP_SIZE`, as an expression on
 * the session. The bounds keep a far-off `after` or `offset` within the integers that `$range` accepts.
 */
function idsOf({ order, limit, unsummarized = 0, after, offset = 0 }: MessageRange): Document {
  const behind = { $add: ['$last_seq', 1] };
  const [step, nearer] = order === 'asc' ? ([1, '$min'] as const) : ([-1, '$max'] as const);
  const before = { $subtract: ['$first_seq', 1] };
  const end = order === 'asc' ? behind : before;
  const edge =
    order === 'asc'
      ? { $max: [{ $min: [after ?? 0, '$last_seq'] }, before] }
      : { $max: [{ $min: [after ?? behind, behind] }, before] };
  const left = { $subtract: ['$last_seq', { $ifNull: ['$summary.up_to_seq', '$last_seq'] }] };
  const most = { $max: [limit, { $min: [unsummarized, left] }] };
  const ahead = (seq: unknown, count: unknown) => ({ $add: [seq, { $multiply: [step, count] }] });
  const few = { $range: ['$$start', { [nearer]: [ahead('$$start', LOOKUP_SIZE), '$$end'] }, step] };
  const many = {
    $map: {
      input: { $range: ['$$first', '$$end', step * LOOKUP_SIZE] },
      as: 'start',
      in: { $map: { input: few, in: positionKeyOf('$$this') } },
    },
  };
  const bounded = withVar('end', { [nearer]: [ahead('$$first', most), end] }, many);
  return withVar('first', ahead(edge, offset + 1), bounded);
}

const withVar = (name: string, value: unknown, expression: Document): Document => ({
  $let: { vars: { [name]: value }, in: expression },
});

/** A message of the live range of a live session. It may be deleted individually. */
export type LiveMessage = MessageDocument & { session: SessionDocument };

/**
 * Finds a live message by its uuid, with its session, in one command. Messages with the same uuid may
 * exist in earlier sessions of the identifier, and behind the end of this one.
 */
export async function findLiveMessage(
  db: Db,
  { session_id, ...scope }: SessionRef,
  uuid: string,
): Promise<LiveMessage | undefined> {
  const [found] = await messagesOf(db)
    .aggregate<LiveMessage>([
      ...accessStages(scope, { session_id, uuid }, MAX_SESSIONS),
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
