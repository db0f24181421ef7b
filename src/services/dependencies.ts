import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { Store } from '../store/port.ts';
import type { MessagePosition } from '../store/search-port.ts';
import type { FairQueue } from './fair-queue.ts';

/** A record that a call has changed. */
export type ChangeEvent = { user_id: string } | SessionChangeEvent;

export interface SessionChangeEvent {
  session_id: string;
  /** Whom the session belongs to, if it does. */
  owner: string | undefined;
  /** Whether the list of the owner's sessions shows the change, and nothing else tells of that. */
  listed: boolean;
}

/**
 * What the services are made of. The store is asked for when a call needs it, so that a server
 * answers its handshake before any store is open.
 */
export interface Dependencies {
  store(): Promise<Store>;
  /** Milliseconds since 1970. */
  now(): number;
  /** A new UUID version 7. */
  newUuid(): string;
  /**
   * How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. It is read
   * whenever it is needed: servers that come and go change it.
   */
  readonly purgeAfter: number | undefined;
  /** What compares texts by their meaning, where it is configured. */
  embeddings?: Embeddings | undefined;
  /** Where searches and long lists of all callers wait for their turn. */
  longReads: FairQueue;
  /** Hears of every change that was acknowledged. */
  onChange(namespace: string, event: ChangeEvent): void;
}

/** What compares texts by their meaning: vectors that a model makes of them. */
export interface Embeddings {
  /** Vectors of different models cannot be compared. */
  model: string;
  /** Takes messages that were stored, to be embedded in the background. */
  offer(namespace: string, messages: readonly { place: MessagePosition; content: string }[]): void;
  /**
   * The vector of a question, in the form in which vectors are stored.
   *
   * @throws EmbeddingError if there is none to be had in the time that a search has
   */
  question(text: string): Promise<Uint8Array>;
}

/** On whose behalf a call is made. */
export interface Caller {
  /** The tenant: nothing outside of it exists for the caller. */
  namespace: string;
  /** The one user that the caller is pinned to: for them, other users' records do not exist. */
  user_id?: string;
  /** Names the credential, which has its share of what takes long; without it, the namespace has one. */
  credential?: string;
}

/**
 * Does what takes long on behalf of a caller: see `FairQueue`.
 *
 * @throws DomainError RESOURCE_EXHAUSTED when its turn does not come; what `work` throws
 */
export function queueLongRead<T>(
  { longReads }: Pick<Dependencies, 'longReads'>,
  { credential, namespace }: Caller,
  store: Store,
  work: () => Promise<T>,
): Promise<T> {
  return longReads.run(credential ?? `namespace:${namespace}`, store.longReads, work);
}

/** @param listed see `ChangedSession` */
export function sessionChangeEvent(
  { session_id, user_id }: Pick<Session, 'session_id' | 'user_id'>,
  listed: boolean,
): SessionChangeEvent {
  return { session_id, owner: user_id, listed };
}

/** When a record deleted at `deletedAt` is purged; `undefined` if never. */
export function undoDeadline(
  deletedAt: string,
  purgeAfter: number | undefined,
): string | undefined {
  return purgeAfter === undefined ? undefined : timestamp(Date.parse(deletedAt) + purgeAfter);
}

/**
 * The time before which what was deleted is past its purge; `undefined` if nothing ever is. It may be
 * there still, since the sweep takes its time.
 */
export function purgeCutoff(now: number, purgeAfter: number | undefined): string | undefined {
  return purgeAfter === undefined ? undefined : timestamp(now - purgeAfter);
}

/**
 * The most bytes of records in one answer. Hosts cut tool answers at about 25,000 tokens; a page
 * that would be longer ends early and says how to go on.
 */
export const PAGE_MAX_BYTES = 90_000;
