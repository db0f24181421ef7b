import type { ClientSession, Db } from 'mongodb';
import { mergeWithinLimit } from '../../../domain/metadata.ts';
import type { Append } from '../../message-port.ts';
import { ConflictError } from '../connection/errors.ts';
import { inSession } from '../connection/transaction.ts';
import {
  type MessageDocument,
  messageKey,
  messagesOf,
  type SessionHead,
  vectorsOf,
  WITHOUT_TERMS,
} from '../documents.ts';
import { decodeMetadata, encodeMetadata } from '../metadata-codec.ts';

/** Messages of a session that have uuids of an append. */
export interface Existing {
  /** By uuid. The append updates them in place. */
  live: ReadonlyMap<string, MessageDocument>;
  /** They give up their uuids to the append's new messages. */
  retired: readonly MessageDocument[];
}

/**
 * Finds the messages of a session that have uuids of an append. Asks the server only if the caller gave
 * some of the uuids, or an earlier attempt may have written them.
 *
 * @param last where the session ends: what lies behind is no message of it
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
  // Filtered here: with further conditions, a server may scan the session's or the namespace's messages.
  const found = all.filter((message) => message.session_uuid === session_uuid);
  const live = found.filter(({ seq }) => seq >= head.first_seq && seq <= last);
  return {
    live: new Map(live.map((document) => [document.uuid, document])),
    retired: found.filter(({ seq }) => seq < head.first_seq),
  };
}

/**
 * Gives retired messages new uuids, so that the append's messages can have the old ones. Skips any that
 * was purged meanwhile.
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

/**
 * Updates messages in place, in one command, and removes the vectors of their former contents.
 *
 * @throws ConflictError if one of them has changed since it was read
 */
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
    // The uuid, too: the message may be retired by now, and have given it up.
    const key = { _id, namespace, session_id, session_uuid, seq, uuid };
    const $set = { role, content, token_count, terms, updated_at: new Date(at) };
    // Without metadata to merge, the update does not depend on what was read.
    if (Object.keys(metadata).length === 0)
      return [{ updateOne: { filter: key, update: { $set } } }];
    const merged = encodeMetadata(mergeWithinLimit(decodeMetadata(old.metadata), metadata));
    const update = { $set: { ...$set, metadata: merged }, $inc: { revision: 1 } };
    return [{ updateOne: { filter: { ...key, revision }, update } }];
  });
  if (updates.length === 0) return;
  const { matchedCount } = await messagesOf(db).bulkWrite(updates, inSession(session));
  if (matchedCount < updates.length) throw new ConflictError();
  const _id = { $in: [...live.values()].map(({ _id }) => _id) };
  await vectorsOf(db).deleteMany({ _id }, inSession(session));
}
