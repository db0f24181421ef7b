import type { Binary, Collection, Db, Document } from 'mongodb';
import type { SeqRange } from '../../domain/positions.ts';

/** A session as it is stored; `_id` is its uuid. */
export interface SessionDocument extends SeqRange {
  _id: string;
  namespace: string;
  session_id: string;
  user_id?: string;
  metadata: unknown;
  created_at: Date;
  updated_at: Date;
  /**
   * The first field of most indexes: true; false if the session itself was deleted; null while its
   * user is deleted, so that no list has it.
   */
  live: boolean | null;
  deleted_at?: Date;
  /** The uuid of its user while that user is deleted. Only restoring the user brings the session back. */
  user_deleted?: string;
  /** The same uuid, if the session was live when its user was deleted. */
  deleted_with_user?: string;
  /**
   * The messages from `first_seq` to `last_seq` are live while the session is. Deleting a session does
   * not write its messages: they are only read through the session.
   */
  first_seq: number;
  last_seq: number;
  /** How many of these messages were deleted individually. */
  deleted_count?: number;
  last_message_at?: Date;
  summary?: {
    content: string;
    up_to_seq: number;
    created_at: Date;
    /** Some messages that it covers were deleted after it was made. */
    covers_deleted_messages?: true;
  };
  /**
   * Messages that stayed deleted when the session was revived; they can be put back until they are
   * purged. The ranges lie below the live messages without a gap, oldest first. Never an empty array.
   */
  retired?: RetiredRangeDocument[];
  /** The uuid of the first message of the append that revived the session: that append may be repeated. */
  revived_by?: string;
  /** Its messages are being given to its user. */
  assigning?: true;
  /** Messages below all ranges of `retired` are being purged. */
  purging?: true;
  /** How many times an append has fenced off writers that had not finished; see `append/index.ts`. */
  fence?: number;
  revision: number;
}

/** The messages that one deletion took, with the summary that they had. */
export interface RetiredRangeDocument extends SeqRange {
  deleted_at: Date;
  deleted_count?: number;
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
  /** How many sessions were deleted with the user. */
  deleted_sessions?: number;
  /**
   * Counts the sessions that were added. Each of them writes this field, so that adding a session and
   * deleting its user exclude each other.
   */
  sessions_added: number;
  /**
   * The change that is being applied to the user's sessions, where they are too many for one
   * transaction or there are no transactions. No other change begins until it is finished.
   */
  cascade?: 'delete' | 'restore';
  revision: number;
}

/** What all messages of one session have in common. */
export interface MessageKey {
  namespace: string;
  session_id: string;
  session_uuid: string;
}

/** A message as it is stored; `_id` is its `positionKey`. */
export interface MessageDocument extends MessageKey {
  _id: string;
  /** The session's user, for searches of all that a user said. */
  user_id?: string;
  seq: number;
  uuid: string;
  role: string;
  content: string;
  /** What it has beside its text, as JSON text: what lists show, and all of it where that is more. */
  parts?: string;
  parts_whole?: string;
  metadata: unknown;
  token_count: number;
  /** The fence of the session when the message was written; see `append/index.ts`. */
  fence?: number;
  /** When the message was deleted individually. Then its terms are `deleted_terms`, which no index has. */
  deleted_at?: Date;
  deleted_terms?: readonly string[];
  /** The search terms. Only ever matched or counted in the server. */
  terms: readonly string[];
  /** The version of the analysis that made them; absent for the first. */
  analysis?: number;
  created_at: Date;
  updated_at: Date;
  revision: number;
}

/** The embedding of a message; `_id` is the message's. */
export interface VectorDocument extends MessageKey {
  _id: string;
  user_id?: string;
  seq: number;
  created_at: Date;
  model: string;
  digest: string;
  vector: Binary;
}

/** A lease; `_id` is its name. */
export interface LeaseDocument {
  _id: string;
  holder?: string;
  expires_at: Date;
  /** As JSON text. */
  state: string;
}

/** Says whose the database is. A server writes it before anything else. */
export interface MetadataDocument {
  _id: 'database';
  owner: string;
  schema_version: number;
  created_at: Date;
  /** The registered servers, and how long each wants deleted records kept; `null`: for ever. */
  servers: { id: string; purge_after_ms: number | null; expires_at: Date }[];
}

/** All collections of the product. The prefix keeps them apart from another program's. */
export const COLLECTION = {
  metadata: 'mcp_sessions_metadata',
  sessions: 'mcp_sessions_sessions',
  users: 'mcp_sessions_users',
  messages: 'mcp_sessions_messages',
  vectors: 'mcp_sessions_vectors',
  leases: 'mcp_sessions_leases',
} as const;

export const databaseMetadataOf = (db: Db): Collection<MetadataDocument> =>
  db.collection(COLLECTION.metadata);
export const sessionsOf = (db: Db): Collection<SessionDocument> =>
  db.collection(COLLECTION.sessions);
export const usersOf = (db: Db): Collection<UserDocument> => db.collection(COLLECTION.users);
export const messagesOf = (db: Db): Collection<MessageDocument> =>
  db.collection(COLLECTION.messages);
export const vectorsOf = (db: Db): Collection<VectorDocument> => db.collection(COLLECTION.vectors);
export const leasesOf = (db: Db): Collection<LeaseDocument> => db.collection(COLLECTION.leases);

/** A projection of messages without what is large in them. */
export const WITHOUT_TEXT = { content: 0, parts: 0, parts_whole: 0, terms: 0 } as const;

/** The key of a session's messages. */
export const messageKey = ({
  _id,
  namespace,
  session_id,
}: Pick<SessionDocument, '_id' | 'namespace' | 'session_id'>): MessageKey => ({
  namespace,
  session_id,
  session_uuid: _id,
});

/** `positionKey` as an expression of the server, on a session; `seq` is an expression, too. */
export const positionKeyOf = (seq: unknown): Document => ({
  $concat: ['$_id', '@', { $toString: seq }],
});

/** The lock of a session's writers. Has the scope's user, so that nobody waits for sessions out of scope. */
export const sessionLockKey = ({
  namespace,
  session_id,
  user_id = '',
}: Pick<SessionDocument, 'namespace' | 'session_id'> & { user_id?: string | undefined }) =>
  JSON.stringify([namespace, session_id, user_id]);

/** The lock for writing a user, and for adding a session under one. */
export const userLockKey = (namespace: string, user_id: string) =>
  JSON.stringify([namespace, user_id]);
