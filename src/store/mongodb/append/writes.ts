import type { ClientSession, Db, Document } from 'mongodb';
import { mergeWithinLimit } from '../../../domain/metadata.ts';
import type { Append, Appended, NewMessage } from '../../message-port.ts';
import { accessFilter, type SessionRef } from '../access-scope.ts';
import {
  type MessageDocument,
  messagesOf,
  type SessionDocument,
  sessionsOf,
  vectorsOf,
  WITHOUT_TERMS,
} from '../documents.ts';
import { messageId } from '../message-id.ts';
import { decodeMetadata, encodeMetadata } from '../metadata-codec.ts';
import { retiredOnRevival } from '../purge/retired-ranges.ts';
import { messageKey, type SessionHead } from './session-head.ts';

/** Messages of a session that have the uuids which are to be appended. */
export interface Existing {
  /** By their uuids; they are updated in place. */
  live: ReadonlyMap<string, MessageDocument>;
  /** They give up their uuids. */
  retired: readonly MessageDocument[];
}

/** Something that was read no longer holds: begin anew. */
export class ConflictError extends Error {}

export const inSession = (session: ClientSession | undefined) =>
  session === undefined ? {} : { session };

/**
 * Moves a session's end by `count` messages, creating or reviving it first if that is needed, in one
 * step. A session whose user is deleted stays as it is.
 *
 * @returns `undefined` if only one user's sessions are in reach, and this is none of them
 */
export async function advance(
  db: Db,
  target: SessionRef,
  { at: time, messages, newUuid }: Append,
  count: number,
  session?: ClientSession,
): Promise<SessionDocument | undefined> {
  const at = new Date(time);
  const blocked = { $eq: [{ $type: '$user_deleted' }, 'string'] };
  const revives = { $eq: ['$live', false] };
  const kept = (field: string) => ({ $ifNull: [`$${field}`, '$$REMOVE'] });
  const unlessBlocked = (field: string, value: unknown) => ({
    $cond: [blocked, kept(field), value],
  });
  const last = { $ifNull: ['$last_seq', 0] };
  const firstUuid = { $literal: messages[0]?.uuid };
  const pipeline: Document[] = [
    {
      $set: {
        _id: { $ifNull: ['$_id', newUuid()] },
        metadata: { $ifNull: ['$metadata', {}] },
        empty: unlessBlocked('empty', '$$REMOVE'),
        revision: { $ifNull: ['$revision', 0] },
        created_at: { $ifNull: ['$created_at', at] },
        updated_at: unlessBlocked('updated_at', { $max: ['$updated_at', at] }),
        live: { $cond: [blocked, null, true] },
        deleted_at: { $cond: [blocked, '$deleted_at', '$$REMOVE'] },
        first_seq: { $cond: [revives, { $add: [last, 1] }, { $ifNull: ['$first_seq', 1] }] },
        last_seq: unlessBlocked('last_seq', { $add: [last, count] }),
        retired: { $cond: [revives, retiredOnRevival(), kept('retired')] },
        revived_by: { $cond: [revives, firstUuid, kept('revived_by')] },
        summary: { $cond: [revives, '$$REMOVE', kept('summary')] },
        ...(count > 0 && {
          last_message_at: unlessBlocked('last_message_at', { $max: ['$last_message_at', at] }),
        }),
      },
    },
  ];
  const upsert = target.user_id === undefined;
  const options = { upsert, returnDocument: 'after', ...inSession(session) } as const;
  const document = await sessionsOf(db).findOneAndUpdate(accessFilter(target), pipeline, options);
  // An upsert always answers with its document; one server that was tried did not when two met.
  if (document === null && upsert) throw new ConflictError();
  return document ?? undefined;
}

/**
 * The messages of a session that have the uuids of an append, if some may.
 *
 * @param last where the session ends: what lies behind that is no message of it
 */
export async function findExisting(
  db: Db,
  head: SessionHead,
  last: number,
  { messages, hasClientUuids }: Append,
  session?: ClientSession,
): Promise<Existing> {
  if (!hasClientUuids) return { live: new Map(), retired: [] };
  const { namespace, session_id, session_uuid } = messageKey(head);
  const all = await messagesOf(db)
    .find(
      { namespace, session_id, uuid: { $in: messages.map(({ uuid }) => uuid) } },
      { ...inSession(session), projection: WITHOUT_TERMS },
    )
    .toArray();
  // Told apart here: for another condition a server may go along all of the session, or of the namespace.
  const found = all.filter((message) => message.session_uuid === session_uuid);
  const live = found.filter(({ seq }) => seq >= head.first_seq && seq <= last);
  return {
    live: new Map(live.map((document) => [document.uuid, document])),
    retired: found.filter(({ seq }) => seq < head.first_seq),
  };
}

/**
 * Gives retired messages new uuids, so that those that they had name others from now on. One that a
 * purge has taken meanwhile needs none.
 */
export async function renameRetired(
  db: Db,
  { retired }: Existing,
  { newUuid }: Append,
  session?: ClientSession,
): Promise<void> {
  if (retired.length === 0) return;
  const updates = retired.map(({ _id, namespace, session_id, session_uuid, seq, uuid }) => ({
    updateOne: {
      filter: { _id, namespace, session_id, session_uuid, seq, uuid },
      update: { $set: { uuid: newUuid() } },
    },
  }));
  await messagesOf(db).bulkWrite(updates, inSession(session));
}

/** Updates messages in place, all in one command, if none has changed since it was read. */
export async function replaceExisting(
  db: Db,
  { live }: Existing,
  { messages, at }: Append,
  session?: ClientSession,
): Promise<void> {
  const updates = messages.flatMap(({ uuid, role, content, metadata, token_count, terms }) => {
    const old = live.get(uuid);
    if (old === undefined) return [];
    const { _id, namespace, session_id, session_uuid, seq, revision } = old;
    // By its uuid, too: it may be retired by now, and have given that up.
    const key = { _id, namespace, session_id, session_uuid, seq, uuid };
    const $set = { role, content, token_count, terms, updated_at: new Date(at) };
    // Without metadata to merge, nothing depends on what was read.
    if (Object.keys(metadata).length === 0)
      return [{ updateOne: { filter: key, update: { $set } } }];
    const merged = encodeMetadata(mergeWithinLimit(decodeMetadata(old.metadata), metadata));
    const update = { $set: { ...$set, metadata: merged }, $inc: { revision: 1 } };
    return [{ updateOne: { filter: { ...key, revision }, update } }];
  });
  if (updates.length === 0) return;
  const { matchedCount } = await messagesOf(db).bulkWrite(updates, inSession(session));
  if (matchedCount < updates.length) throw new ConflictError();
  // The vectors of what they said before.
  const _id = { $in: [...live.values()].map(({ _id }) => _id) };
  await vectorsOf(db).deleteMany({ _id }, inSession(session));
}

/** The new messages of an append, as they are stored from `first` on. */
export function toDocuments(
  head: SessionHead,
  first: number,
  messages: readonly NewMessage[],
  time: string,
): MessageDocument[] {
  const at = new Date(time);
  const { user_id } = head;
  const common = { ...messageKey(head), ...(user_id !== undefined && { user_id }) };
  return messages.map(({ uuid, role, content, metadata, token_count, terms }, i) => ({
    _id: messageId({ session_uuid: head._id, seq: first + i }),
    ...common,
    seq: first + i,
    ...{ uuid, role, content, metadata: encodeMetadata(metadata), token_count, terms },
    created_at: at,
    updated_at: at,
    revision: 0,
  }));
}

/** Where the messages of an append are, of which some existed and the others are new. */
export function positionsOf(
  { messages }: Append,
  live: Existing['live'],
  created: readonly Pick<MessageDocument, 'uuid' | 'seq'>[],
): Appended['messages'] {
  const seqs = new Map(created.map(({ uuid, seq }) => [uuid, seq]));
  return messages.map(({ uuid, hasClientUuid }) => {
    const old = live.get(uuid);
    return old === undefined
      ? { uuid, seq: seqs.get(uuid) as number, created: true }
      : { uuid, seq: old.seq, created: !hasClientUuid };
  });
}
