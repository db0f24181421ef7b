import type { Binary, Collection, Db } from 'mongodb';
import type { JsonObject } from '../../domain/metadata.ts';
import type { Message, Session, Summary, User } from '../../domain/records.ts';
import { timestamp } from '../../domain/times.ts';
import type { Conversation } from '../port.ts';
import { decodeMetadata, encodeMetadata } from './metadata-codec.ts';

/** A session as it is stored; `_id` is its uuid. */
export interface SessionDocument {
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  metadata: unknown;
  created_at: Date;
  updated_at: Date;
  /**
   * What an index can start with: true; false if it is deleted by itself; null while its user is
   * deleted, when no list has it.
   */
  live: boolean | null;
  deleted_at?: Date;
  /** The uuid of its user while that is deleted: only restoring the user brings it back. */
  user_deleted?: string;
  /** The same, if it was live until its user was deleted. */
  deleted_with_user?: string;
  /** It never had a message, so there is nothing but itself to purge. */
  empty?: true;
  /**
   * A message is live while the session is, if it lies between these. Deleting the session does not
   * touch its messages: nothing reaches them but through the session.
   */
  first_seq: number;
  last_seq: number;
  last_message_at?: Date;
  summary?: { content: string; up_to_seq: number; created_at: Date };
  /**
   * Messages that stayed deleted when the session was revived, to be put back until they are purged.
   * They lie below the live ones without a gap, the oldest first, and never empty.
   */
  retired?: RetiredRangeDocument[];
  /** The uuid of the first message of the append that revived it, which may come again. */
  revived_by?: string;
  /** What lies below all of these is being purged. */
  purging?: true;
  /** How often an append has shut out others that had not finished; see `append/index.ts`. */
  fence?: number;
  revision: number;
}

/** The messages of one deletion, with the summary that they had. */
export interface RetiredRangeDocument {
  first_seq: number;
  last_seq: number;
  deleted_at: Date;
  summary?: SessionDocument['summary'];
}

/** A user as it is stored; `_id` is its uuid. */
export interface UserDocument {
  _id: string;
  namespace: string;
  user_id: string;
  email?: string;
  first_name?: string;
  last_name?: string;
  metadata: unknown;
  created_at: Date;
  updated_at: Date;
  live: boolean;
  deleted_at?: Date;
  /** How many sessions were deleted with it. */
  deleted_sessions?: number;
  /**
   * Counts the sessions added. Being written by each of them, it makes adding one and deleting the
   * user exclude each other.
   */
  sessions_added: number;
  /**
   * The change that its sessions are going through with it, where one transaction does not take them.
   * No other begins until it is finished.
   */
  cascade?: 'delete' | 'restore';
  revision: number;
}

/** A message as it is stored; `_id` is its place. */
export interface MessageDocument {
  _id: string;
  namespace: string;
  session_id: string;
  /** Its session's, to be found by. */
  user_id?: string;
  session_uuid: string;
  seq: number;
  uuid: string;
  role: string;
  content: string;
  metadata: unknown;
  token_count: number;
  /** The session's when it was written; see `append/index.ts`. */
  fence?: number;
  /** What it is found by; never read but to be counted where it is. */
  terms: readonly string[];
  created_at: Date;
  updated_at: Date;
  revision: number;
}

/** A summary in the history; `_id` is its uuid. */
export interface SummaryDocument {
  _id: string;
  namespace: string;
  session_id: string;
  session_uuid: string;
  content: string;
  up_to_seq: number;
  created_at: Date;
}

/** What a message means to a model; `_id` is its place. */
export interface VectorDocument {
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  session_uuid: string;
  seq: number;
  created_at: Date;
  model: string;
  digest: string;
  vector: Binary;
}

/** A session that is purged, or is about to be, whose messages are still to be removed. */
export interface PurgedSessionDocument {
  /** The session's uuid. */
  _id: string;
  namespace: string;
  session_id: string;
}

/**
 * Says whose the database is. It is the first thing that a server writes, and without it nothing else is
 * touched.
 */
export interface MetadataDocument {
  _id: 'database';
  owner: string;
  schema_version: number;
  created_at: Date;
  /** The servers that use the database, and how long each wants deleted records kept; `null`: for ever. */
  servers: { id: string; purge_after_ms: number | null; expires_at: Date }[];
}

/** All our collections. Their prefix keeps them apart from those of another program. */
export const COLLECTION = {
  metadata: 'mcp_sessions_metadata',
  sessions: 'mcp_sessions_sessions',
  users: 'mcp_sessions_users',
  messages: 'mcp_sessions_messages',
  summaries: 'mcp_sessions_summaries',
  vectors: 'mcp_sessions_vectors',
  purgedSessions: 'mcp_sessions_purged_sessions',
} as const;

export const databaseMetadataOf = (db: Db): Collection<MetadataDocument> =>
  db.collection(COLLECTION.metadata);
export const sessionsOf = (db: Db): Collection<SessionDocument> =>
  db.collection(COLLECTION.sessions);
export const usersOf = (db: Db): Collection<UserDocument> => db.collection(COLLECTION.users);
export const messagesOf = (db: Db): Collection<MessageDocument> =>
  db.collection(COLLECTION.messages);
export const summariesOf = (db: Db): Collection<SummaryDocument> =>
  db.collection(COLLECTION.summaries);
export const vectorsOf = (db: Db): Collection<VectorDocument> => db.collection(COLLECTION.vectors);
export const purgedSessionsOf = (db: Db): Collection<PurgedSessionDocument> =>
  db.collection(COLLECTION.purgedSessions);

/** What `toSession` makes a record of, beside the metadata. */
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

/** What `toMessage` makes a record of. */
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

/** What is read of a message. */
export const WITHOUT_TERMS = { terms: 0 } as const;

/** What `toUser` makes a record of, beside the metadata. */
export const USER_FIELDS = [
  'user_id',
  'email',
  'first_name',
  'last_name',
  'created_at',
  'updated_at',
  'deleted_at',
] as const satisfies (keyof UserDocument)[];

/** Metadata, or where a list left it out, how many bytes it takes. */
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
    created_at: timestamp(created_at.getTime()),
    updated_at: timestamp(updated_at.getTime()),
    ...(deleted_at !== undefined && { deleted_at: timestamp(deleted_at.getTime()) }),
    message_count: last_seq - first_seq + 1,
    ...(last_message_at !== undefined && { last_message_at: timestamp(last_message_at.getTime()) }),
  };
}

export function toConversation(document: SessionDocument): Conversation {
  const { first_seq, last_seq, summary } = document;
  return {
    session: toSession(document),
    first_seq,
    last_seq,
    ...(summary !== undefined && { summary: toSummary(summary) }),
  };
}

function toSummary({
  content,
  up_to_seq,
  created_at,
}: {
  content: string;
  up_to_seq: number;
  created_at: Date;
}): Summary {
  return { content, up_to_seq, created_at: timestamp(created_at.getTime()) };
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
    created_at: timestamp(document.created_at.getTime()),
    updated_at: timestamp(document.updated_at.getTime()),
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
    created_at: timestamp(created_at.getTime()),
    updated_at: timestamp(updated_at.getTime()),
    ...(deleted_at !== undefined && { deleted_at: timestamp(deleted_at.getTime()) }),
  };
}
