import { DomainError } from '../../domain/errors.ts';
import { type Json, type JsonObject, mergeWithinLimit } from '../../domain/metadata.ts';
import type { Message, Session, User } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { Row } from './connection/index.ts';

/** A metadata column for lists: the JSON, or its size in bytes if that is over the limit. */
const LISTED_METADATA = 'iif(octet_length(metadata) > ?, octet_length(metadata), metadata)';

/** `columns` with `LISTED_METADATA`, whose parameter is the limit in bytes. */
export const listed = (columns: string) => columns.replace('metadata', LISTED_METADATA);

/** The columns of `toSession`. */
export const SESSION_COLUMNS = `session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at,
  last_seq - first_seq + 1 - deleted_count, last_message_at`;

/** How many messages of a session were deleted individually, between two numbers. Takes SQL expressions. */
export const countDeleted = (session: string, first: string, last: string) =>
  `(SELECT count(*) FROM messages WHERE messages.session = ${session}
    AND messages.deleted_at IS NOT NULL AND messages.seq BETWEEN ${first} AND ${last})`;

/** The columns of `toUser`. */
export const USER_COLUMNS = `user_id, uuid, email, first_name, last_name, metadata, created_at, updated_at,
  deleted_at`;

/** The columns of `toMessage`. */
export const MESSAGE_COLUMNS =
  'seq, uuid, role, content, parts, metadata, token_count, created_at, updated_at';

/** The same with all of the parts. */
export const WHOLE_MESSAGE_COLUMNS = MESSAGE_COLUMNS.replace(
  'parts',
  'coalesce(parts_whole, parts)',
);

export function toSession(row: Row): Session {
  const [session_id, uuid, user_id, metadata, created_at, updated_at, deleted_at, count, last] =
    row;
  return {
    session_id: session_id as string,
    uuid: uuid as string,
    ...(user_id !== null && { user_id: user_id as string }),
    ...toMetadata(metadata),
    created_at: toTimestamp(created_at),
    updated_at: toTimestamp(updated_at),
    ...(deleted_at !== null && { deleted_at: toTimestamp(deleted_at) }),
    message_count: count as number,
    ...(last !== null && { last_message_at: toTimestamp(last) }),
  };
}

export function toUser(row: Row): User {
  const [user_id, uuid, email, first_name, last_name, metadata, created_at, updated_at, deleted] =
    row;
  return {
    user_id: user_id as string,
    uuid: uuid as string,
    ...(email !== null && { email: email as string }),
    ...(first_name !== null && { first_name: first_name as string }),
    ...(last_name !== null && { last_name: last_name as string }),
    ...toMetadata(metadata),
    created_at: toTimestamp(created_at),
    updated_at: toTimestamp(updated_at),
    ...(deleted !== null && { deleted_at: toTimestamp(deleted) }),
  };
}

export function toMessage(session_id: string, row: Row): Message {
  const [seq, uuid, role, content, parts, metadata, token_count, created_at, updated_at] = row;
  return {
    uuid: uuid as string,
    session_id,
    seq: seq as number,
    role: role as string,
    content: content as string,
    ...(parts !== null && { parts: toParts(parts) }),
    ...toMetadata(metadata),
    token_count: token_count as number,
    created_at: toTimestamp(created_at),
    updated_at: toTimestamp(updated_at),
  };
}

/** RFC 3339 for a stored time, which is in milliseconds since 1970. */
export const toTimestamp = (milliseconds: unknown) => timestamp(milliseconds as number);

/** The last millisecond that a date can hold, and its negative the first. */
const MAX_TIME_MS = 8.64e15;

/** The first and the last millisecond of a time range, both inclusive. */
export const timeBounds = ({
  since,
  until,
}: {
  since?: string | undefined;
  until?: string | undefined;
}): [from: number, to: number] => [
  since === undefined ? -MAX_TIME_MS : Date.parse(since),
  until === undefined ? MAX_TIME_MS : Date.parse(until),
];

/**
 * Applies a merge patch to stored metadata.
 *
 * @returns the JSON to store
 * @throws DomainError INTERNAL if the stored metadata is damaged
 */
export function mergeStored(stored: unknown, patch: JsonObject): string {
  const metadata = parseStored(stored);
  if (metadata === undefined) throw damagedMetadata();
  return JSON.stringify(mergeWithinLimit(metadata, patch));
}

/** Damaged metadata is not merged: that would lose what is still readable in it. */
export const damagedMetadata = () =>
  new DomainError(
    'INTERNAL',
    'The metadata of this record is damaged in the session file, and nothing was changed. It comes back if the file is restored from a backup.',
  );

/**
 * The metadata of a row, from a metadata column or `LISTED_METADATA`. Damaged metadata is left out, so
 * that the rest of the record, or of the list, can be read.
 */
function toMetadata(stored: unknown): { metadata: JsonObject; metadata_omitted_bytes?: number } {
  if (typeof stored === 'number') return { metadata: {}, metadata_omitted_bytes: stored };
  if (stored === '{}') return { metadata: {} };
  const metadata = parseStored(stored);
  return metadata === undefined
    ? { metadata: {}, metadata_omitted_bytes: Buffer.byteLength(stored as string) }
    : { metadata };
}

/** Damaged parts are shown as the text that is left of them. */
function toParts(stored: unknown): Json[] {
  return parseStored<Json[]>(stored) ?? [stored as string];
}

/** Parses a stored JSON column. `undefined` if it is damaged. */
export function parseStored<T = JsonObject>(stored: unknown): T | undefined {
  try {
    return JSON.parse(stored as string);
  } catch {
    return undefined;
  }
}
