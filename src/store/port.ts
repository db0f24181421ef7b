import type { JsonObject } from '../domain/metadata.ts';
import type { PageRequest } from '../domain/pagination.ts';
import type { SeqRange } from '../domain/positions.ts';
import type { Message, Session, Summary, User } from '../domain/records.ts';
import type { SearchStore, VectorStore } from './search-port.ts';

/**
 * The port that both stores implement. Every call is made inside one namespace and is atomic: it
 * happens whole or not at all, and what it acknowledged survives a crash. Times are RFC 3339 text.
 *
 * Every method may throw `DomainError` UNAVAILABLE (the store cannot be reached; the same call is
 * safe to repeat) or INTERNAL.
 */
export interface Store {
  readonly sessions: SessionStore;
  readonly messages: MessageStore;
  readonly users: UserStore;
  readonly search: SearchStore;
  readonly vectors: VectorStore;

  /** How many searches and long lists it can do at once without holding anybody else up. */
  readonly longReads: number;

  /** Resolves when the store answers. */
  ping(): Promise<void>;

  /** What was soft-deleted at or before `cutoff` and is still there, in every namespace. */
  countExpired(cutoff: string): Promise<PurgeCounts>;

  /**
   * Purges up to `limit` of each kind of record soft-deleted at or before `cutoff`, in every
   * namespace, and says how many that were. All zero: nothing is left.
   */
  purge(cutoff: string, limit: number): Promise<PurgeCounts>;

  /**
   * Finds out how long soft-deleted records of the database are kept, in milliseconds (`undefined`: for
   * ever), and tells its `Retention`. A server renews its registration with that, which counts for the
   * time that it was given; others only look. Whoever purges asks for this first.
   */
  agreeRetention(): Promise<number | undefined>;

  /** Ends the registration of a server, too. */
  close(): Promise<void>;
}

/** How many records of each kind. Messages go with their session, or by themselves as a retired range. */
export interface PurgeCounts {
  sessions: number;
  messages: number;
  users: number;
}

/**
 * The outcome of a change: the record as it is now, or what stood in the way, which is the record
 * found under the identifier (live or soft-deleted), or nothing.
 */
export type WriteResult<T, Found = T> =
  | { applied: true; record: T }
  | { applied: false; found: Found | undefined };

/** What a list shows, and in which order. */
export interface ListQuery {
  order_by: 'created_at' | 'updated_at';
  order: 'asc' | 'desc';
  deleted: 'exclude' | 'only';
}

/**
 * A page of a list. Metadata that takes more than `metadataMaxBytes`, as the store counts it, is
 * left out where it is: a page may have a thousand records, and each of them a quarter megabyte.
 */
export type ListPageRequest = PageRequest & {
  metadataMaxBytes: number;
  /** Whether to count what is on all pages. */
  total?: boolean;
};

/** A page, and if it was asked for, how many records are on all of them. */
export interface Listed<T> {
  records: T[];
  total?: number;
}

export interface SessionQuery extends ListQuery {
  user_id?: string | undefined;
}

/**
 * Whose sessions a call finds: those of a namespace, or only those of one user in it. For all else it
 * is as if there were none: it changes nothing there, answers the same, and is as quick.
 */
export interface AccessScope {
  namespace: string;
  user_id?: string | undefined;
}

export interface SessionStore {
  /**
   * Adds a session unless its identifier is taken, be it by a soft-deleted one.
   * `user_missing`: it names a user that is not live.
   */
  insert(namespace: string, session: Session): Promise<WriteResult<Session> | 'user_missing'>;

  /** The session, live or soft-deleted. */
  find(reach: AccessScope, sessionId: string): Promise<Session | undefined>;

  /** Whose the session is, live or soft-deleted: as quick as if there were none, whatever it holds. */
  owner(namespace: string, sessionId: string): Promise<{ user_id?: string } | undefined>;

  /**
   * Merges `patch` (RFC 7396) into a live session's metadata.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  merge(
    reach: AccessScope,
    sessionId: string,
    patch: JsonObject,
    at: string,
  ): Promise<WriteResult<Session>>;

  /** Soft-deletes a live session, its messages with it. */
  delete(reach: AccessScope, sessionId: string, at: string): Promise<WriteResult<Session>>;

  /**
   * Undoes a session's deletion, which brings back its messages. Of a live session, all retired ranges
   * of messages are put back in front of the others, but for those that a purge has begun to remove.
   * Not applied to a live session that has none, or one whose user is deleted.
   */
  restore(reach: AccessScope, sessionId: string): Promise<WriteResult<Restored, Session>>;

  list(namespace: string, query: SessionQuery, window: ListPageRequest): Promise<Listed<Session>>;

  /** Purges one session, if it was soft-deleted at or before `cutoff`. */
  purge(namespace: string, sessionId: string, cutoff: string): Promise<void>;

  /** Identifiers of live sessions that start with `prefix`, in the order of their bytes. */
  identifiers(namespace: string, prefix: string, limit: number): Promise<string[]>;
}

/** A session that was restored, and how many messages came back. */
export interface Restored {
  session: Session;
  messages: number;
}

/**
 * A session with what its messages are counted by. The live ones have the sequence numbers
 * `first_seq` to `last_seq`, without a gap; where there are none, `last_seq` is `first_seq - 1`.
 */
export interface Conversation extends SeqRange {
  session: Session;
  /** The newest; covers messages that are live. */
  summary?: Summary;
}

export interface NewMessage {
  uuid: string;
  /** The uuid is the caller's own, who may have sent the message before. */
  hasClientUuid: boolean;
  role: string;
  content: string;
  metadata: JsonObject;
  token_count: number;
  /** What it is found by; stays in the store. */
  terms: readonly string[];
}

export interface Append {
  messages: readonly NewMessage[];
  /** Some of the uuids are the caller's, so messages with them may be there already. */
  hasClientUuids: boolean;
  at: string;
  /** A new UUID version 7, for a session that is created, or a retired message that gives up its own. */
  newUuid(): string;
}

/** Messages that were deleted with their session and stayed so when it was revived. */
export interface RetiredRange extends SeqRange {
  deleted_at: string;
}

/** What an append tells of a session: what it knows without reading all of it. */
export type AppendedSession = Pick<
  Session,
  'session_id' | 'uuid' | 'user_id' | 'message_count' | 'last_message_at'
>;

/** Where messages are now; as a `Conversation`, of which it tells what an append knows. */
export interface Appended extends SeqRange {
  session: AppendedSession;
  summary?: Pick<Summary, 'up_to_seq'>;
  messages: { uuid: string; seq: number; created: boolean }[];
  /**
   * Present if this append, or an earlier attempt at it, revived the session: its messages that can
   * still be put back, the oldest first.
   */
  retired?: readonly RetiredRange[];
}

/** A stretch of a session's messages: at most `limit`, from an end or behind a sequence number. */
export interface MessageRange {
  order: 'asc' | 'desc';
  limit: number;
  /** More than `limit`, at most so many, where the newest summary leaves more of them. */
  unsummarized?: number | undefined;
  /** Only messages behind this one in the order. */
  after?: number | undefined;
  /** How many to skip from there, or from the end where the order starts. */
  offset?: number | undefined;
  /** Metadata that takes more bytes than this, as the store counts them, is left out, as in a list. */
  metadataMaxBytes: number;
  /** Enough is read when the contents, each counted with at most `each`, come to `total` bytes. */
  enough: { total: number; each: number };
}

/** A message, if its session is live and has it; the session is there in whatever state it is. */
export interface FoundMessage {
  session: Session | undefined;
  message: Message | undefined;
}

export interface MessageStore {
  /**
   * Appends messages to a session. If it is soft-deleted, it is revived: the messages that were deleted
   * with it become a retired range, which nothing reads and `restore` puts back, and the new ones are
   * numbered from behind it. If it is not there, it is created, without a user.
   *
   * A live message whose uuid comes again is updated in place: role and content replaced, metadata
   * merged. A retired one gets a new uuid, and the message that came is appended.
   *
   * Not applied to a session whose user is deleted; nor, where only one user's are in reach, to one
   * that is not there.
   */
  append(
    reach: AccessScope,
    sessionId: string,
    append: Append,
  ): Promise<WriteResult<Appended, Session>>;

  /** A session, live or soft-deleted, and a stretch of its messages, in the order asked for. */
  read(
    reach: AccessScope,
    sessionId: string,
    stretch: MessageRange,
  ): Promise<{ conversation: Conversation; messages: Message[] } | undefined>;

  /** A message by its uuid. Without it, the session as it was found says why. */
  find(reach: AccessScope, sessionId: string, uuid: string): Promise<FoundMessage>;

  /**
   * Merges `patch` into the metadata of a message of a live session. Without a message, the session
   * as it was found says why.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  merge(
    reach: AccessScope,
    sessionId: string,
    uuid: string,
    patch: JsonObject,
    at: string,
  ): Promise<FoundMessage>;

  /**
   * Makes `summary` the newest of a live session. Not applied unless it reaches to one of the
   * session's live messages, and at least as far as the newest before it.
   *
   * @param uuid identifies the summary in the history that is kept
   */
  summarize(
    reach: AccessScope,
    sessionId: string,
    uuid: string,
    summary: Summary,
  ): Promise<WriteResult<Conversation>>;
}

export interface UserChange {
  /** The fields to set; `null` removes one. */
  fields: Partial<Record<'email' | 'first_name' | 'last_name', string | null>>;
  metadata: JsonObject;
}

/** A user and how many sessions were deleted together with it. */
export interface DeletedUser {
  user: User;
  sessions: number;
}

/** Hears of how many sessions a change of their user has gone through, of how many. */
export type Progress = (done: number, total: number) => void;

export interface UserStore {
  /** Adds a user unless the identifier is taken, be it by a soft-deleted one. */
  insert(namespace: string, user: User): Promise<WriteResult<User>>;

  /** The user, live or soft-deleted. */
  find(namespace: string, userId: string): Promise<User | undefined>;

  /**
   * Changes a live user.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  update(
    namespace: string,
    userId: string,
    change: UserChange,
    at: string,
  ): Promise<WriteResult<User>>;

  /** Soft-deletes a live user with every session of theirs; answers the same for a deleted one. */
  delete(
    namespace: string,
    userId: string,
    at: string,
    progress?: Progress,
  ): Promise<DeletedUser | undefined>;

  /** Undoes exactly that; a user that is live stays as it is. */
  restore(namespace: string, userId: string, progress?: Progress): Promise<DeletedUser | undefined>;

  list(namespace: string, query: ListQuery, window: ListPageRequest): Promise<Listed<User>>;

  /** Purges one user, if it was soft-deleted at or before `cutoff`. Its sessions follow. */
  purge(namespace: string, userId: string, cutoff: string): Promise<void>;

  /** Identifiers of live users that start with `prefix`, in the order of their bytes. */
  identifiers(namespace: string, prefix: string, limit: number): Promise<string[]>;
}
