import type { JsonObject } from '../../domain/metadata.ts';
import { positionKey } from '../../domain/positions.ts';
import type { Message, Session, User } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { Append, Appended, Conversation, NewMessage } from '../message-port.ts';
import {
  type MessageDocument,
  messageKey,
  type SessionDocument,
  type SessionHead,
  type UserDocument,
} from './documents.ts';
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
  'last_message_at',
] as const satisfies (keyof SessionDocument)[];

/** The fields that `toMessage` reads. */
export const MESSAGE_FIELDS = [
  'uuid',
  'session_id',
  'seq',
  'role',
  'content',
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
    empty: true,
    first_seq: 1,
    last_seq: 0,
    revision: 0,
  };
}

export function toSession(document: SessionDocument): Session {
  const { _id, session_id, user_id, metadata, first_seq, last_seq } = document;
  const { created_at, updated_at, deleted_at, last_message_at } = document;
  return {
    session_id,
    uuid: _id,
    ...(user_id !== undefined && { user_id }),
    ...metadataOf(metadata),
    created_at: timeOf(created_at),
    updated_at: timeOf(updated_at),
    ...(deleted_at !== undefined && { deleted_at: timeOf(deleted_at) }),
    message_count: last_seq - first_seq + 1,
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

/** A new message of a session, as it is stored. */
export function toMessageDocument(
  head: SessionHead,
  seq: number,
  { uuid, role, content, metadata, token_count, terms }: NewMessage,
  at: Date,
): MessageDocument {
  const { _id: session_uuid, user_id } = head;
  return {
    _id: positionKey({ session_uuid, seq }),
    ...messageKey(head),
    ...(user_id !== undefined && { user_id }),
    seq,
    uuid,
    role,
    content,
    metadata: encodeMetadata(metadata),
    token_count,
    terms,
    created_at: at,
    updated_at: at,
    revision: 0,
  };
}

export function toMessage(
  document: Pick<MessageDocument, (typeof MESSAGE_FIELDS)[number]>,
): Message {
  const { uuid, session_id, seq, role, content, metadata, token_count } = document;
  return {
    uuid,
    session_id,
    seq,
    role,
    content,
    ...metadataOf(metadata),
    token_count,
    created_at: timeOf(document.created_at),
    updated_at: timeOf(document.updated_at),
  };
}

/** @param document a live session */
export function toSessionHead(document: SessionDocument): SessionHead {
  const { _id, namespace, session_id, user_id } = document;
  const { first_seq, last_seq, last_message_at, summary } = document;
  return {
    _id,
    namespace,
    session_id,
    first_seq,
    last_seq,
    ...(user_id !== undefined && { user_id }),
    ...(last_message_at !== undefined && { last_message_at }),
    ...(summary !== undefined && { summarized: summary.up_to_seq }),
  };
}

/** A message that is stored: all that the answer to an append says of it. */
export type StoredPosition = Pick<MessageDocument, 'uuid' | 'seq'>;

/** The positions of an append's messages, in its order. Those in `existing` were stored before it. */
export function toPositions(
  { messages }: Append,
  created: readonly StoredPosition[],
  existing: ReadonlyMap<string, StoredPosition> = new Map(),
): Appended['messages'] {
  const seqs = new Map(created.map(({ uuid, seq }) => [uuid, seq]));
  return messages.map(({ uuid, hasClientUuid }) => {
    const old = existing.get(uuid);
    return old === undefined
      ? { uuid, seq: seqs.get(uuid) as number, created: true }
      : // The server's own uuid can only be there from an earlier attempt of this append.
        { uuid, seq: old.seq, created: !hasClientUuid };
  });
}

/** @param head the session after the append */
export function toAppended(head: SessionHead, messages: Appended['messages']): Appended {
  const { _id, session_id, user_id } = head;
  const { first_seq, last_seq, last_message_at, summarized } = head;
  return {
    session: {
      session_id,
      uuid: _id,
      ...(user_id !== undefined && { user_id }),
      message_count: last_seq - first_seq + 1,
      ...(last_message_at !== undefined && { last_message_at: timeOf(last_message_at) }),
    },
    first_seq,
    last_seq,
    ...(summarized !== undefined && { summary: { up_to_seq: summarized } }),
    messages,
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
