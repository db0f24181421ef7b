import type { JsonObject } from '../domain/metadata.ts';
import type { Window } from '../domain/pages.ts';
import type { Message, Session, Summary, User } from '../domain/records.ts';

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

  /** Resolves when the store answers. */
  ping(): Promise<void>;

  /** What was soft-deleted at or before `cutoff` and is still there, in every namespace. */
  countExpired(cutoff: string): Promise<PurgeCounts>;

  /**
   * Purges up to `limit` of each kind of record soft-deleted at or before `cutoff`, in every
   * namespace, and says how many that were. All zero: nothing is left.
   */
  purge(cutoff: string, limit: number): Promise<PurgeCounts>;

  close(): Promise<void>;
}

/** How many records of each kind. Messages go with their session, or by themselves after a revival. */
export interface PurgeCounts {
  sessions: number;
  messages: number;
  users: number;
}

/**
 * The outcome of a change: the record as it is now, or what stood in the way, which is the record
 * found under the identifier (live or soft-deleted), or nothing.
 */
export type Change<T> = { applied: true; record: T } | { applied: false; found: T | undefined };

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
export type ListWindow = Window & { metadataMaxBytes: number };

export interface SessionQuery extends ListQuery {
  user_id?: string | undefined;
}

export interface SessionStore {
  /**
   * Adds a session unless its identifier is taken, be it by a soft-deleted one.
   * `user_missing`: it names a user that is not live.
   */
  insert(namespace: string, session: Session): Promise<Change<Session> | 'user_missing'>;

  /** The session, live or soft-deleted. */
  find(namespace: string, sessionId: string): Promise<Session | undefined>;

  /** Whose the session is, live or soft-deleted: as quick as if there were none, whatever it holds. */
  owner(namespace: string, sessionId: string): Promise<{ user_id?: string } | undefined>;

  /**
   * Merges `patch` (RFC 7396) into a live session's metadata.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  merge(
    namespace: string,
    sessionId: string,
    patch: JsonObject,
    at: string,
  ): Promise<Change<Session>>;

  /** Soft-deletes a live session, its messages with it. */
  delete(namespace: string, sessionId: string, at: string): Promise<Change<Session>>;

  /**
   * Undoes a session's deletion, which brings back its messages. Not applied to a session that is
   * live, or whose user is deleted.
   */
  restore(namespace: string, sessionId: string): Promise<Change<Session>>;

  list(namespace: string, query: SessionQuery, window: ListWindow): Promise<Session[]>;

  /** How many sessions `list` would go through. */
  count(namespace: string, query: SessionQuery): Promise<number>;

  /** Purges one session, if it was soft-deleted at or before `cutoff`. */
  purge(namespace: string, sessionId: string, cutoff: string): Promise<void>;

  /** Identifiers of live sessions that start with `prefix`, in the order of their bytes. */
  identifiers(namespace: string, prefix: string, limit: number): Promise<string[]>;
}

/**
 * A session with what its messages are counted by. The live ones have the sequence numbers
 * `first_seq` to `last_seq`, without a gap; where there are none, `last_seq` is `first_seq - 1`.
 */
export interface Conversation {
  session: Session;
  first_seq: number;
  last_seq: number;
  /** The newest; covers messages that are live. */
  summary?: Summary;
}

export interface NewMessage {
  uuid: string;
  /** The uuid is the caller's own, who may have sent the message before. */
  given: boolean;
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
  mayExist: boolean;
  at: string;
  /** The uuid of the session, should it be created. */
  session_uuid: string;
  /** Names the run of messages that begins should the session be created or revived. */
  thread: string;
}

export interface Appended extends Conversation {
  /** The run of messages that they are in. */
  thread: string;
  messages: { uuid: string; seq: number; created: boolean }[];
}

/** A stretch of a session's messages: at most `limit`, from an end or behind a sequence number. */
export interface Stretch {
  order: 'asc' | 'desc';
  limit: number;
  /** Only messages behind this one in the order. */
  after?: number | undefined;
  /** How many to skip from there, or from the end where the order starts. */
  offset?: number | undefined;
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
   * Appends messages to a session, which is created if it is not there and revived if it is
   * soft-deleted: then it starts anew, and the messages that were deleted stay so. A message whose
   * uuid is there already is updated in place: role and content replaced, metadata merged.
   *
   * Not applied to a session whose user is deleted.
   */
  append(namespace: string, sessionId: string, append: Append): Promise<Change<Appended>>;

  /** A session, live or soft-deleted, and a stretch of its messages, in the order asked for. */
  read(
    namespace: string,
    sessionId: string,
    stretch: Stretch,
  ): Promise<{ conversation: Conversation; messages: Message[] } | undefined>;

  /** A message by its uuid. Without it, the session as it was found says why. */
  find(namespace: string, sessionId: string, uuid: string): Promise<FoundMessage>;

  /**
   * Merges `patch` into the metadata of a message of a live session. Without a message, the session
   * as it was found says why.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  merge(
    namespace: string,
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
    namespace: string,
    sessionId: string,
    uuid: string,
    summary: Summary,
  ): Promise<Change<Conversation>>;
}

/** Where a search looks: in one session, in the sessions of one user, or in all of the namespace. */
export interface SearchScope {
  session_id?: string | undefined;
  user_id?: string | undefined;
}

/** Only messages that were created in this time, its ends included. */
export interface TimeRange {
  since?: string | undefined;
  until?: string | undefined;
}

export interface TermQuery extends TimeRange {
  /** Any of these. */
  terms: readonly string[];
  /** Terms that nothing is looked for by, though `matched` tells of them too. */
  also: readonly string[];
  /** Of each term, only so many, the newest. */
  limit: number;
}

/** Names a message by where it is. */
export interface MessagePlace {
  session_id: string;
  thread: string;
  seq: number;
}

/** A message that has at least one of the terms that are looked for. */
export interface Candidate extends MessagePlace {
  role: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** The terms that are looked for, each as often as the message has it. */
  matched: readonly string[];
  /** How many terms it has in all. */
  length: number;
}

/** The messages of a thread: those from `first_seq` to `last_seq`, without a gap. */
export interface Extent {
  first_seq: number;
  last_seq: number;
}

export interface Candidates {
  candidates: Candidate[];
  /** The threads that they are in. */
  threads: ReadonlyMap<string, Extent>;
  /** The terms of which there are, or may be, more. */
  cut: string[];
}

/** A message with the session that it is in. */
export interface Located {
  place: MessagePlace;
  message: Message;
  session: Session;
}

export interface SearchStore {
  /** Messages of live sessions that have one of the terms. */
  candidates(namespace: string, scope: SearchScope, query: TermQuery): Promise<Candidates>;

  /**
   * Messages of live sessions by their places, in that order, without those that are gone.
   *
   * @param metadataMaxBytes the metadata of a session that takes more is left out
   */
  locate(
    namespace: string,
    places: readonly MessagePlace[],
    metadataMaxBytes: number,
  ): Promise<Located[]>;
}

/** A message whose meaning can be compared with others', by the model that made the vector. */
export interface MessageVector {
  place: MessagePlace;
  /** Tells whether the message still says what the vector stands for. */
  digest: string;
  vector: Uint8Array;
}

export interface VectorQuery extends TimeRange {
  model: string;
  /** Only so many, the newest. */
  limit: number;
}

export interface NewestVectors {
  vectors: MessageVector[];
  /** The threads that they are in. */
  threads: ReadonlyMap<string, Extent>;
  /** How many of the newest are another model's, and not among them. */
  outdated: number;
  /** There are, or may be, more. */
  cut: boolean;
}

/** A message that has no vector of a model. */
export interface UnembeddedMessage {
  namespace: string;
  place: MessagePlace;
  content: string;
}

export interface VectorStore {
  /** Keeps vectors of messages that are still there, each in the place of the one before. */
  put(model: string, vectors: readonly (MessageVector & { namespace: string })[]): Promise<void>;

  /** The newest vectors of messages of live sessions. */
  newest(namespace: string, scope: SearchScope, query: VectorQuery): Promise<NewestVectors>;

  /**
   * Messages of every namespace that have no vector of `model`, among the `limit` behind `after`.
   * `next` is where to go on; without it, there are no more.
   */
  unembedded(
    model: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ messages: UnembeddedMessage[]; next?: string }>;
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
  insert(namespace: string, user: User): Promise<Change<User>>;

  /** The user, live or soft-deleted. */
  find(namespace: string, userId: string): Promise<User | undefined>;

  /**
   * Changes a live user.
   *
   * @throws DomainError INVALID_ARGUMENT when the merged metadata would be too large
   */
  update(namespace: string, userId: string, change: UserChange, at: string): Promise<Change<User>>;

  /** Soft-deletes a live user with every session of theirs; answers the same for a deleted one. */
  delete(
    namespace: string,
    userId: string,
    at: string,
    progress?: Progress,
  ): Promise<DeletedUser | undefined>;

  /** Undoes exactly that; a user that is live stays as it is. */
  restore(namespace: string, userId: string, progress?: Progress): Promise<DeletedUser | undefined>;

  list(namespace: string, query: ListQuery, window: ListWindow): Promise<User[]>;

  /** How many users `list` would go through. */
  count(namespace: string, query: ListQuery): Promise<number>;

  /** Purges one user, if it was soft-deleted at or before `cutoff`. Its sessions follow. */
  purge(namespace: string, userId: string, cutoff: string): Promise<void>;

  /** Identifiers of live users that start with `prefix`, in the order of their bytes. */
  identifiers(namespace: string, prefix: string, limit: number): Promise<string[]>;
}
