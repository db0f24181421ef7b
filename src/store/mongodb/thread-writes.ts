import type { ClientSession, Db, Document } from 'mongodb';
import { mergeWithinLimit } from '../../domain/metadata.ts';
import type { Append, Appended, NewMessage } from '../store.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
  WITHOUT_TERMS,
} from './documents.ts';
import { messageId } from './message-id.ts';
import { fromStored, toStored } from './metadata.ts';
import { reachedFilter, type Target } from './scope.ts';

/** A session, by the key that its records are found with. */
export interface Place {
  namespace: string;
  session_id: string;
}

export interface ThreadKey extends Place {
  thread: string;
}

/** Messages with the uuids that are to be appended, which are in the thread already. */
export type Existing = Map<string, MessageDocument>;

/** Something that was read no longer holds: begin anew. */
export class Outdated extends Error {}

export const within = (session: ClientSession | undefined) =>
  session === undefined ? {} : { session };

/**
 * Moves a session's end by `count` messages, creating or reviving it first if that is needed, in one
 * step. A session whose user is deleted stays as it is.
 *
 * @returns `undefined` if only one user's sessions are in reach, and this is none of them
 */
export async function advance(
  db: Db,
  target: Target,
  { at: time, session_uuid, thread }: Append,
  count: number,
  session?: ClientSession,
): Promise<SessionDocument | undefined> {
  const at = new Date(time);
  const blocked = { $eq: [{ $type: '$user_deleted' }, 'string'] };
  const begins = { $or: [{ $ne: ['$live', true] }, { $eq: [{ $type: '$thread' }, 'missing'] }] };
  const leaves = { $and: [{ $eq: ['$live', false] }, { $ne: [{ $type: '$thread' }, 'missing'] }] };
  const unless = (condition: unknown, field: string, value: unknown) => ({
    $cond: [condition, { $ifNull: [`$${field}`, '$$REMOVE'] }, value],
  });
  const seq = { $ifNull: ['$last_seq', 0] };
  const moved = count > 0;
  const pipeline: Document[] = [
    {
      $set: {
        _id: { $ifNull: ['$_id', session_uuid] },
        metadata: { $ifNull: ['$metadata', {}] },
        empty: { $cond: [blocked, { $ifNull: ['$empty', '$$REMOVE'] }, '$$REMOVE'] },
        revision: { $ifNull: ['$revision', 0] },
        created_at: { $ifNull: ['$created_at', at] },
        updated_at: unless(blocked, 'updated_at', { $max: ['$updated_at', at] }),
        live: { $cond: [blocked, null, true] },
        deleted_at: { $cond: [blocked, '$deleted_at', '$$REMOVE'] },
        left: {
          $cond: [
            { $and: [{ $not: [blocked] }, leaves] },
            {
              $concatArrays: [
                { $ifNull: ['$left', []] },
                [{ thread: '$thread', deleted_at: '$deleted_at' }],
              ],
            },
            { $ifNull: ['$left', '$$REMOVE'] },
          ],
        },
        thread: unless(blocked, 'thread', { $cond: [begins, thread, '$thread'] }),
        base_seq: unless(blocked, 'base_seq', { $cond: [begins, seq, '$base_seq'] }),
        last_seq: unless(blocked, 'last_seq', { $add: [seq, count] }),
        summary: {
          $cond: [
            { $and: [{ $not: [blocked] }, begins] },
            '$$REMOVE',
            { $ifNull: ['$summary', '$$REMOVE'] },
          ],
        },
        ...(moved && {
          last_message_at: unless(blocked, 'last_message_at', { $max: ['$last_message_at', at] }),
        }),
      },
    },
  ];
  const upsert = target.user_id === undefined;
  const options = { upsert, returnDocument: 'after', ...within(session) } as const;
  const document = await sessionsOf(db).findOneAndUpdate(reachedFilter(target), pipeline, options);
  // An upsert always answers with its document; one server that was tried did not when two met.
  if (document === null && upsert) throw new Outdated();
  return document ?? undefined;
}

/**
 * The messages of an append that are there already, if they may be.
 *
 * @param last where the thread ends: what lies behind that is no message of it
 */
export async function findExisting(
  db: Db,
  { namespace, session_id, thread }: ThreadKey,
  last: number,
  { messages, mayExist }: Append,
  session?: ClientSession,
): Promise<Existing> {
  if (!mayExist) return new Map();
  const found = await messagesOf(db)
    .find(
      { namespace, session_id, thread, uuid: { $in: messages.map(({ uuid }) => uuid) } },
      { ...within(session), projection: WITHOUT_TERMS },
    )
    .toArray();
  // Told apart here: for a range beside a list of uuids a server may go along all of the thread.
  const there = found.filter(({ seq }) => seq <= last);
  return new Map(there.map((document) => [document.uuid, document]));
}

/** Updates messages in place, all in one command, if none has changed since it was read. */
export async function replaceExisting(
  db: Db,
  existing: Existing,
  { messages, at }: Append,
  session?: ClientSession,
): Promise<void> {
  const updates = messages.flatMap(({ uuid, role, content, metadata, token_count, terms }) => {
    const old = existing.get(uuid);
    if (old === undefined) return [];
    const { _id, namespace, session_id, thread, seq, revision } = old;
    const key = { _id, namespace, session_id, thread, seq };
    const $set = { role, content, token_count, terms, updated_at: new Date(at) };
    // Without metadata to merge, nothing depends on what was read.
    if (Object.keys(metadata).length === 0)
      return [{ updateOne: { filter: key, update: { $set } } }];
    const merged = toStored(mergeWithinLimit(fromStored(old.metadata), metadata));
    const update = { $set: { ...$set, metadata: merged }, $inc: { revision: 1 } };
    return [{ updateOne: { filter: { ...key, revision }, update } }];
  });
  if (updates.length === 0) return;
  const { matchedCount } = await messagesOf(db).bulkWrite(updates, within(session));
  if (matchedCount < updates.length) throw new Outdated();
  // The vectors of what they said before.
  const _id = { $in: [...existing.values()].map(({ _id }) => _id) };
  await vectorsOf(db).deleteMany({ _id }, within(session));
}

/** The new messages of an append, as they are stored from `first` on. */
export function toDocuments(
  { namespace, session_id, thread, user_id }: ThreadKey & Pick<MessageDocument, 'user_id'>,
  first: number,
  messages: readonly NewMessage[],
  time: string,
): MessageDocument[] {
  const at = new Date(time);
  const common = { namespace, session_id, ...(user_id !== undefined && { user_id }), thread };
  return messages.map(({ uuid, role, content, metadata, token_count, terms }, i) => ({
    _id: messageId({ thread, seq: first + i }),
    ...common,
    seq: first + i,
    ...{ uuid, role, content, metadata: toStored(metadata), token_count, terms },
    created_at: at,
    updated_at: at,
    revision: 0,
  }));
}

/** Where the messages of an append are, of which `existing` were there and the others are new. */
export function placesOf(
  { messages }: Append,
  existing: Existing,
  created: readonly Pick<MessageDocument, 'uuid' | 'seq'>[],
): Appended['messages'] {
  const seqs = new Map(created.map(({ uuid, seq }) => [uuid, seq]));
  return messages.map(({ uuid, given }) => {
    const old = existing.get(uuid);
    return old === undefined
      ? { uuid, seq: seqs.get(uuid) as number, created: true }
      : { uuid, seq: old.seq, created: !given };
  });
}
