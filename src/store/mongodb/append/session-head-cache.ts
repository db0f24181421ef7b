import { LRUCache } from 'lru-cache';
import type { SessionRef } from '../access-scope.ts';
import type { SessionHead } from './session-head.ts';

/** With identifiers of the usual length, some three megabytes. */
const MAX_ENTRIES = 5000;

const MAX_AGE_MS = 600_000;

/**
 * Where sessions ended when this process last appended to them. Other processes may have moved the end
 * since, so an entry is a guess that the append's own command has to confirm.
 */
export class SessionHeadCache {
  readonly #heads: LRUCache<string, SessionHead>;

  /**
   * @param purgeAfterMs how long a session stays deleted before it is purged. Entries are dropped
   *   earlier: messages appended to a purged session would never be found
   */
  constructor(purgeAfterMs = Number.POSITIVE_INFINITY) {
    const ttl = Math.max(1, Math.floor(Math.min(MAX_AGE_MS, purgeAfterMs / 2)));
    this.#heads = new LRUCache({ max: MAX_ENTRIES, ttl });
  }

  /** Removes and returns the entry of a session: whoever takes it will put a newer one. */
  take(ref: SessionRef): SessionHead | undefined {
    const key = keyOf(ref);
    const head = this.#heads.peek(key);
    // A caller outside the session's scope neither sees nor removes the entry.
    if (head === undefined || !inScope(ref, head)) return undefined;
    this.#heads.delete(key);
    return head;
  }

  /** Removes the entry of a session that is about to change in another way than by an append. */
  forget(ref: SessionRef): void {
    this.take(ref);
  }

  put({ retired: _, ...head }: SessionHead): void {
    this.#heads.set(keyOf(head), head);
  }
}

const keyOf = ({ namespace, session_id }: Pick<SessionHead, 'namespace' | 'session_id'>) =>
  JSON.stringify([namespace, session_id]);

const inScope = ({ user_id }: SessionRef, head: SessionHead) =>
  user_id === undefined || user_id === head.user_id;
