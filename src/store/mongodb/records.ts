import type { JsonObject } from '../../domain/metadata.ts';
import type { Message, Session, User } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { Conversation } from '../message-port.ts';
import type { MessageDocument, SessionDocument, UserDocument } from './documents.ts';
import { decodeMetadata, encodeMetadata } from './metadata-codec.ts';

/** The fields that `toSession` reads, beside the metadata. */
export const SESSION_FIELDS = [
  'session_id',
  'user_id',
  'created_at',
  'updated_at',
  'deleted_at',
  'first_seq',
  'last_seq',
  'deleted_count',
  'last_message_at',
] as const satisfies (keyof SessionDocument)[];

/** The fields that `toMessage` reads. */
export const MESSAGE_FIELDS = [
  'uuid',
  'session_id',
  'seq',
  'role',
  'content',
  'parts',
  'metadata',
  'token_count',
  'created_at',
  'updated_at',
] as const satisfies (keyof MessageDocument)[];

/** The fields that `toUser` reads, beside the metadata. */
export const USER_FIELDS = [
  'user_id',
  'email',
  'first_name',
  'last_name',
  'created_at',
  'updated_at',
  'deleted_at',
] as const satisfies (keyof UserDocument)[];

const timeOf = (date: Date): string => timestamp(date.getTime());

/** The metadata, or its size in bytes where a list left it out. */
function metadataOf(stored: unknown): { metadata: JsonObject; metadata_omitted_bytes?: number } {
  return typeof stored === 'number'
    ? { metadata: {}, metadata_omitted_bytes: stored }
    : { metadata: decodeMetadata(stored) };
}

export function toSessionDocument(namespace: string, session: Session): SessionDocument {
  const { session_id, uuid, user_id, metadata, created_at, updated_at } = session;
  return {
    _id: uuid,
    namespace,
    session_id,
    ...(user_id !== undefined && { user_id }),
    metadata: encodeMetadata(metadata),
    created_at: new Date(created_at),
    updated_at: new Date(updated_at),
    live: true,
    first_seq: 1,
    last_seq: 0,
    revision: 0,
  };
}

export function toSession(document: SessionDocument): Session {
  const { _id, session_id, user_id, metadata, first_seq, last_seq } = document;
  const { created_at, updated_at, deleted_at, last_message_at, deleted_count = 0 } = document;
  return {
    session_id,
    uuid: _id,
    ...(user_id !== undefined && { user_id }),
    ...metadataOf(metadata),
    created_at: timeOf(created_at),
    updated_at: timeOf(updated_at),
    ...(deleted_at !== undefined && { deleted_at: timeOf(deleted_at) }),
    message_count: last_seq - first_seq + 1 - deleted_count,
    ...(last_message_at !== undefined && { last_message_at: timeOf(last_message_at) }),
  };
}

export function toConversation(document: SessionDocument): Conversation {
  const { first_seq, last_seq, summary } = document;
  return {
    session: toSession(document),
    first_seq,
    last_seq,
    ...(summary !== undefined && {
      summary: { ...summary, created_at: timeOf(summary.created_at) },
    }),
  };
}

export function toMessage(
  document: Pick<MessageDocument, (typeof MESSAGE_FIELDS)[number]>,
): Message {
  const { uuid, session_id, seq, role, content, parts, metadata, token_count } = document;
  return {
    uuid,
    session_id,
    seq,
    role,
    content,
    ...(parts !== undefined && { parts: JSON.parse(parts) }),
    ...metadataOf(metadata),
    token_count,
    created_at: timeOf(document.created_at),
    updated_at: timeOf(document.updated_at),
  };
}

export function toUserDocument(namespace: string, user: User): UserDocument {
  const { user_id, uuid, email, first_name, last_name, metadata, created_at, updated_at } = user;
  return {
    _id: uuid,
    namespace,
    user_id,
    ...(email !== undefined && { email }),
    ...(first_name !== undefined && { first_name }),
    ...(last_name !== undefined && { last_name }),
    metadata: encodeMetadata(metadata),
    created_at: new Date(created_at),
    updated_at: new Date(updated_at),
    live: true,
    sessions_added: 0,
    revision: 0,
  };
}

export function toUser(document: UserDocument): User {
  const { _id, user_id, email, first_name, last_name, metadata } = document;
  const { created_at, updated_at, deleted_at } = document;
  return {
    user_id,
    uuid: _id,
    ...(email !== undefined && { email }),
    ...(first_name !== undefined && { first_name }),
    ...(last_name !== undefined && { last_name }),
    ...metadataOf(metadata),
    created_at: timeOf(created_at),
    updated_at: timeOf(updated_at),
    ...(deleted_at !== undefined && { deleted_at: timeOf(deleted_at) }),
  };
}
