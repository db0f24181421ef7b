import type { JsonObject } from '../domain/metadata.ts';
import type { PageRequest } from '../domain/pagination.ts';
import type { Session, User } from '../domain/records.ts';
import type { AccessScope, WriteResult } from './common-port.ts';
import type { LeaseStore } from './lease-port.ts';
import type { MessageStore } from './message-port.ts';
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
  readonly leases: LeaseStore;

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

/** A namespace, and when one of its live sessions was changed last; absent if it has none. */
export interface NamespaceActivity {
  namespace: string;
  updated_at?: string;
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

  /**
   * Gives a live session that has no user, with all of its messages, to a live user; a session that is
   * the user's already stays as it is. Not applied to a session of another user. May take long if the
   * session has many messages. `user_missing`: the user is not live.
   */
  assign(
    namespace: string,
    sessionId: string,
    userId: string,
    at: string,
  ): Promise<WriteResult<Session> | 'user_missing'>;

  /** Soft-deletes a live session, its messages with it. */
  delete(reach: AccessScope, sessionId: string, at: string): Promise<WriteResult<Session>>;

  /**
   * Undoes a session's deletion, which brings back its messages. Of a live session, all retired ranges
   * of messages are put back in front of the others, but for those that a purge has begun to remove.
   * Not applied to a live session that has none, or one whose user is deleted.
   */
  restore(reach: AccessScope, sessionId: string): Promise<WriteResult<Restored, Session>>;

  list(namespace: string, query: SessionQuery, window: ListPageRequest): Promise<Listed<Session>>;

  /** The next `limit` namespaces with sessions behind `after`, in the order of their bytes. */
  namespaces(after: string | undefined, limit: number): Promise<NamespaceActivity[]>;

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
