import type { ClientSession, Db } from 'mongodb';
import { mergeWithinLimit } from '../../../domain/metadata.ts';
import type { Append } from '../../message-port.ts';
import { inSession } from '../connection/transaction.ts';
import {
  type MessageDocument,
  messageKey,
  messagesOf,
  vectorsOf,
  WITHOUT_TEXT,
} from '../documents.ts';
import { decodeMetadata, encodeMetadata } from '../metadata-codec.ts';
import { type SessionHead, toFields } from './session-head.ts';

/** Messages of a session that have uuids which are to be appended. */
export interface Existing {
  /** By their uuids; they are updated in place. */
  live: ReadonlyMap<string, MessageDocument>;
  /** Retired ones, and those that were deleted individually. They give up their uuids. */
  retired: readonly MessageDocument[];
  /** Whether some lie behind the head: orphans, or the head that is known is not the newest. */
  behind: boolean;
}

export const NONE: Existing = { live: new Map(), retired: [], behind: false };

/** Something that was read no longer holds: begin anew. */
export class ConflictError extends Error {}

/** A place is taken, or a session's identifier. */
export class TakenError extends ConflictError {
  /** How many messages were inserted before. */
  readonly inserted: number;

  constructor(inserted = Number.POSITIVE_INFINITY) {
    super();
    this.inserted = inserted;
  }
}

/** The messages of a session that have some of the uuids. */
export async function findExisting(
  db: Db,
  head: SessionHead,
  uuids: readonly string[],
): Promise<Existing> {
  if (uuids.length === 0 || head.isNew) return NONE;
  const { namespace, session_id, session_uuid } = messageKey(head);
  const all = await messagesOf(db)
    .find({ namespace, session_id, uuid: { $in: uuids } }, { projection: WITHOUT_TEXT })
    .toArray();
  // Told apart here: for another condition a server may go along all of the session, or of the namespace.
  const found = all.filter((message) => message.session_uuid === session_uuid);
  const kept = found.filter(({ seq }) => seq <= head.last_seq);
  const isLive = ({ seq, deleted_at }: MessageDocument) =>
    seq >= head.first_seq && deleted_at === undefined;
  return {
    live: new Map(kept.filter(isLive).map((document) => [document.uuid, document])),
    retired: kept.filter((document) => !isLive(document)),
    behind: found.some(({ seq }) => seq > head.last_seq),
  };
}

/**
 * Updates live messages in place, and gives retired ones new uuids, so that those that they had name
 * others from now on; all in one command.
 *
 * @throws ConflictError if one of them has changed since it was read
 */
export async function updateExisting(
  db: Db,
  { live, retired }: Existing,
  { messages, at, newUuid }: Append,
  session: ClientSession | undefined,
): Promise<void> {
  const replaced = messages.flatMap((message) => {
    const old = live.get(message.uuid);
    if (old === undefined) return [];
    const { metadata } = message;
    const fields = { ...toFields(message), updated_at: new Date(at) };
    const $unset = missingParts(fields);
    // Without metadata to merge, nothing depends on what was read.
    if (Object.keys(metadata).length === 0) {
      return [{ filter: placeOf(old), update: { $set: fields, ...$unset } }];
    }
    const merged = encodeMetadata(mergeWithinLimit(decodeMetadata(old.metadata), metadata));
    const update = { $set: { ...fields, metadata: merged }, $inc: { revision: 1 }, ...$unset };
    return [{ filter: { ...placeOf(old), revision: old.revision }, update }];
  });
  const renamed = retired.map((old) => {
    return { filter: placeOf(old), update: { $set: { uuid: newUuid() } } };
  });
  const updates = [...replaced, ...renamed].map((updateOne) => ({ updateOne }));
  const { matchedCount } = await messagesOf(db).bulkWrite(updates, inSession(session));
  if (matchedCount < updates.length) throw new ConflictError();
  // The vectors of what they said before.
  const _id = { $in: [...live.values()].map((old) => old._id) };
  if (live.size > 0) await vectorsOf(db).deleteMany({ _id }, inSession(session));
}

/** The fields of parts that a message no longer has. */
function missingParts({ parts, parts_whole }: { parts?: string; parts_whole?: string }) {
  const $unset = {
    ...(parts === undefined && { parts: 1 as const }),
    ...(parts_whole === undefined && { parts_whole: 1 as const }),
  };
  return Object.keys($unset).length === 0 ? {} : { $unset };
}

/** By its uuid and its deletion, too: it may be retired or deleted by now, and have given its uuid up. */
function placeOf({ _id, uuid, seq, deleted_at, ...document }: MessageDocument) {
  const { namespace, session_id, session_uuid } = document;
  return {
    ...{ _id, namespace, session_id, session_uuid, seq, uuid },
    deleted_at: { $exists: deleted_at !== undefined },
  };
}
