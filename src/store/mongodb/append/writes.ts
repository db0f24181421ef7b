import type { ClientSession, Db } from 'mongodb';
import { mergeWithinLimit } from '../../../domain/metadata.ts';
import type { Append, Appended, NewMessage } from '../../port.ts';
import { type MessageDocument, messagesOf, vectorsOf, WITHOUT_TERMS } from '../documents.ts';
import { messageId } from '../message-id.ts';
import { decodeMetadata, encodeMetadata } from '../metadata-codec.ts';
import { messageKey, type SessionHead } from './session-head.ts';

/** Messages of a session that have uuids which are to be appended. */
export interface Existing {
  /** By their uuids; they are updated in place. */
  live: ReadonlyMap<string, MessageDocument>;
  /** They give up their uuids. */
  retired: readonly MessageDocument[];
  /** Whether some lie behind the head: orphans, or the head that is known is not the newest. */
  behind: boolean;
}

export const NONE: Existing = { live: new Map(), retired: [], behind: false };

/** Something that was read no longer holds: begin anew. */
export class ConflictError extends Error {
  /** Whether a place, or a session's identifier, was taken. */
  readonly taken: boolean;
  /** How many messages were inserted before. */
  readonly inserted: number;

  constructor(taken = false, inserted = Number.POSITIVE_INFINITY) {
    super();
    this.taken = taken;
    this.inserted = inserted;
  }
}

export const inSession = (session: ClientSession | undefined) =>
  session === undefined ? {} : { session };

/** The messages of a session that have some of the uuids. */
export async function findExisting(
  db: Db,
  head: SessionHead,
  uuids: readonly string[],
): Promise<Existing> {
  if (uuids.length === 0 || head.isNew) return NONE;
  const { namespace, session_id, session_uuid } = messageKey(head);
  const all = await messagesOf(db)
    .find({ namespace, session_id, uuid: { $in: uuids } }, { projection: WITHOUT_TERMS })
    .toArray();
  // Told apart here: for another condition a server may go along all of the session, or of the namespace.
  const found = all.filter((message) => message.session_uuid === session_uuid);
  const live = found.filter(({ seq }) => seq >= head.first_seq && seq <= head.last_seq);
  return {
    live: new Map(live.map((document) => [document.uuid, document])),
    retired: found.filter(({ seq }) => seq < head.first_seq),
    behind: found.some(({ seq }) => seq > head.last_seq),
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

/** New messages as they are stored from `first` on. */
export function toDocuments(
  head: SessionHead,
  first: number,
  messages: readonly NewMessage[],
  time: string,
): MessageDocument[] {
  const at = new Date(time);
  const { user_id, fence } = head;
  return messages.map(({ uuid, role, content, metadata, token_count, terms }, i) => ({
    _id: messageId({ session_uuid: head._id, seq: first + i }),
    ...messageKey(head),
    ...(user_id !== undefined && { user_id }),
    ...(fence !== null && { fence }),
    seq: first + i,
    ...{ uuid, role, content, metadata: encodeMetadata(metadata), token_count, terms },
    ...{ created_at: at, updated_at: at, revision: 0 },
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
