import type { Target } from './scope.ts';
import type { ThreadEnd } from './thread-end.ts';
import type { Place } from './thread-writes.ts';

/** How many ends are remembered: of identifiers of the usual length, some three megabytes. */
const MAX_REMEMBERED = 5000;

/** For how long, in milliseconds. */
const MAX_AGE_MS = 600_000;

/** Where threads ended when they were last appended to from here; others may have done so since. */
export class RememberedEnds {
  readonly #ends = new Map<string, { end: ThreadEnd; at: number }>();
  readonly #maxAge: number;

  /**
   * @param purgeAfter for how many milliseconds a session stays deleted before it is purged: no end is
   *   remembered for so long, since nobody looks for what is added to a thread that is purged
   */
  constructor(purgeAfter = Number.POSITIVE_INFINITY) {
    this.#maxAge = Math.min(MAX_AGE_MS, purgeAfter / 2);
  }

  /** What is remembered of a session, which is forgotten: whoever uses it will know better. */
  take(target: Target): ThreadEnd | undefined {
    const key = keyOf(target);
    const known = this.#ends.get(key);
    if (known === undefined || !isReached(target, known.end)) return undefined;
    this.#ends.delete(key);
    return performance.now() - known.at < this.#maxAge ? known.end : undefined;
  }

  /** For when what is remembered of a session will not hold any more. */
  forget(target: Target): void {
    this.take(target);
  }

  put(end: ThreadEnd): void {
    const key = keyOf(end);
    this.#ends.delete(key);
    this.#ends.set(key, { end, at: performance.now() });
    if (this.#ends.size <= MAX_REMEMBERED) return;
    // A map has its keys in the order in which they came.
    const [oldest] = this.#ends.keys();
    this.#ends.delete(oldest as string);
  }
}

const keyOf = ({ namespace, session_id }: Place) => JSON.stringify([namespace, session_id]);

/** For a caller whom the session does not exist for, nothing is remembered of it, nor forgotten. */
const isReached = ({ user_id }: Target, end: ThreadEnd) =>
  user_id === undefined || user_id === end.user_id;
