import { type ClientSession, type Db, type Document, MongoBulkWriteError } from 'mongodb';
import { mergeWithinLimit } from '../../domain/metadata.ts';
import type { Append } from '../store.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
  WITHOUT_TERMS,
} from './documents.ts';
import { isDuplicateKey } from './errors.ts';
import { fromStored, toStored } from './metadata.ts';

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
 */
export async function advance(
  db: Db,
  place: Place,
  { at: time, session_uuid, thread }: Append,
  count: number,
  session?: ClientSession,
): Promise<SessionDocument> {
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
        live: { $not: [blocked] },
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
  const document = await sessionsOf(db).findOneAndUpdate(place, pipeline, {
    upsert: true,
    returnDocument: 'after',
    ...(session !== undefined && { session }),
  });
  // An upsert always answers with its document; one server that was tried did not when two met.
  if (document === null) throw new Outdated();
  return document;
}

/** Moves a session's end back over places that were taken for messages that have one. */
export async function giveBack(
  db: Db,
  place: Place,
  count: number,
  session: ClientSession,
): Promise<SessionDocument> {
  const document = await sessionsOf(db).findOneAndUpdate(
    place,
    { $inc: { last_seq: -count } },
    { returnDocument: 'after', session },
  );
  return document as SessionDocument;
}

/** The messages of an append that are there already, if they may be. */
export async function findExisting(
  db: Db,
  key: ThreadKey,
  { messages, mayExist }: Append,
  session?: ClientSession,
): Promise<Existing> {
  if (!mayExist) return new Map();
  const found = await messagesOf(db)
    .find(
      { ...key, uuid: { $in: messages.map(({ uuid }) => uuid) } },
      { ...within(session), projection: WITHOUT_TERMS },
    )
    .toArray();
  return new Map(found.map((document) => [document.uuid, document]));
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

/** The end of a thread, which lies at `known` or, after a crash, behind it. */
export async function lastSeq(db: Db, key: ThreadKey, known: number): Promise<number> {
  const last = await messagesOf(db).findOne(
    { ...key, seq: { $gt: known } },
    { sort: { seq: -1 }, projection: { seq: 1 } },
  );
  return last?.seq ?? known;
}

/** Inserts one after the other and says how many, up to the first place that is taken. */
export async function insertInOrder(db: Db, documents: MessageDocument[]): Promise<number> {
  try {
    return (await messagesOf(db).insertMany(documents)).insertedCount;
  } catch (error) {
    if (error instanceof MongoBulkWriteError && isDuplicateKey(error)) {
      const { insertedCount } = error.result;
      const refused = documents[insertedCount] as MessageDocument;
      const { namespace, session_id, thread, seq } = refused;
      const taken = await messagesOf(db).findOne({ namespace, session_id, thread, seq });
      if (taken !== null && taken.uuid !== refused.uuid) return insertedCount;
    }
    throw error;
  }
}

/** Brings a session up to date with its messages, unless it has begun another thread. */
export async function settle(
  db: Db,
  key: ThreadKey,
  last: number,
  time: string,
): Promise<SessionDocument> {
  const at = new Date(time);
  const document = await sessionsOf(db).findOneAndUpdate(
    key,
    { $max: { last_seq: last, updated_at: at, last_message_at: at } },
    { returnDocument: 'after' },
  );
  if (document === null) throw new Outdated();
  return document;
}
