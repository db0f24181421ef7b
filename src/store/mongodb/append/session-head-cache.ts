import type { SessionRef } from '../access-scope.ts';
import type { SessionHead } from './session-head.ts';

/** How many ends are remembered: of identifiers of the usual length, some three megabytes. */
const MAX_ENTRIES = 5000;

/** For how long, in milliseconds. */
const MAX_AGE_MS = 600_000;

/** Where sessions ended when they were last appended to from here; others may have done so since. */
export class SessionHeadCache {
  readonly #ends = new Map<string, { head: SessionHead; at: number }>();
  readonly #maxAge: number;

  /**
   * @param purgeAfter for how many milliseconds a session stays deleted before it is purged: no end is
   *   remembered for so long, since nobody looks for what is added to a session that is purged
   */
  constructor(purgeAfter = Number.POSITIVE_INFINITY) {
    this.#maxAge = Math.min(MAX_AGE_MS, purgeAfter / 2);
  }

  /** What is remembered of a session, which is forgotten: whoever uses it will know better. */
  take(target: SessionRef): SessionHead | undefined {
    const key = keyOf(target);
    const known = this.#ends.get(key);
    if (known === undefined || !isReached(target, known.head)) return undefined;
    this.#ends.delete(key);
    return performance.now() - known.at < this.#maxAge ? known.head : undefined;
  }

  /** For when what is remembered of a session will not hold any more. */
  forget(target: SessionRef): void {
    this.take(target);
  }

  put({ retired: _, ...head }: SessionHead): void {
    const key = keyOf(head);
    this.#ends.delete(key);
    this.#ends.set(key, { head, at: performance.now() });
    if (this.#ends.size <= MAX_ENTRIES) return;
    // A map has its keys in the order in which they came.
    const [oldest] = this.#ends.keys();
    this.#ends.delete(oldest as string);
  }
}

const keyOf = ({ namespace, session_id }: Pick<SessionHead, 'namespace' | 'session_id'>) =>
  JSON.stringify([namespace, session_id]);

/** For a caller whom the session does not exist for, nothing is remembered of it, nor forgotten. */
const isReached = ({ user_id }: SessionRef, head: SessionHead) =>
  user_id === undefined || user_id === head.user_id;
