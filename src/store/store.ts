import type { JsonObject } from '../domain/metadata.ts';
import type { Window } from '../domain/pages.ts';
import type { Session, User } from '../domain/records.ts';

/**
 * The port that both stores implement. Every call is made inside one namespace and is atomic: it
 * happens whole or not at all, and what it acknowledged survives a crash. Times are RFC 3339 text.
 *
 * Every method may throw `DomainError` UNAVAILABLE (the store cannot be reached; the same call is
 * safe to repeat) or INTERNAL.
 */
export interface Store {
  readonly sessions: SessionStore;
  readonly users: UserStore;

  /** Resolves when the store answers. */
  ping(): Promise<void>;

  /** What was soft-deleted at or before `cutoff` and is still there, in every namespace. */
  countExpired(cutoff: string): Promise<PurgeCounts>;

  /**
   * Purges up to `limit` of the records soft-deleted at or before `cutoff`, in every namespace, and
   * says how many that were. All zero: nothing is left.
   */
  purge(cutoff: string, limit: number): Promise<PurgeCounts>;

  close(): Promise<void>;
}

export interface PurgeCounts {
  sessions: number;
  users: number;
}

/**
 * The outcome of a change: the record as it is now, or what stood in the way, which is the record
 * found under the identifier (live or soft-deleted), or nothing.
 */
export type Change<T> = { applied: true; record: T } | { applied: false; found: T | undefined };

export interface SessionQuery {
  user_id?: string | undefined;
  order_by: 'created_at' | 'updated_at';
  order: 'asc' | 'desc';
  deleted: 'exclude' | 'only';
}

export interface SessionStore {
  /**
   * Adds a session unless its identifier is taken, be it by a soft-deleted one.
   * `user_missing`: it names a user that is not live.
   */
  insert(namespace: string, session: Session): Promise<Change<Session> | 'user_missing'>;

  /** The session, live or soft-deleted. */
  find(namespace: string, sessionId: string): Promise<Session | undefined>;

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
   * Undoes a session's deletion. Not applied to a session that is live, or that was deleted together
   * with its user.
   */
  restore(namespace: string, sessionId: string): Promise<Change<Session>>;

  list(namespace: string, query: SessionQuery, window: Window): Promise<Session[]>;

  /** How many sessions `list` would go through. */
  count(namespace: string, query: SessionQuery): Promise<number>;

  /** Identifiers of live sessions that start with `prefix`, in the order of their bytes. */
  identifiers(namespace: string, prefix: string, limit: number): Promise<string[]>;
}

export interface UserStore {
  /** Adds a user unless the identifier is taken, be it by a soft-deleted one. */
  insert(namespace: string, user: User): Promise<Change<User>>;

  /** The user, live or soft-deleted. */
  find(namespace: string, userId: string): Promise<User | undefined>;
}
