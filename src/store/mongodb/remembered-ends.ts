import type { ThreadEnd } from './thread-end.ts';
import { type Place, placeKey } from './thread-writes.ts';

/** How many ends are remembered: of identifiers of the usual length, some three megabytes. */
const MAX_REMEMBERED = 5000;

/** For how long, in milliseconds: shorter than any session stays deleted before it is purged. */
const MAX_AGE_MS = 600_000;

/** Where threads ended when they were last appended to from here; others may have done so since. */
export class RememberedEnds {
  readonly #ends = new Map<string, { end: ThreadEnd; at: number }>();

  /** What is remembered of a session, which is forgotten: whoever uses it will know better. */
  take(place: Place): ThreadEnd | undefined {
    const key = placeKey(place);
    const known = this.#ends.get(key);
    this.#ends.delete(key);
    return known && performance.now() - known.at < MAX_AGE_MS ? known.end : undefined;
  }

  /** For when what is remembered of a session will not hold any more. */
  forget(place: Place): void {
    this.#ends.delete(placeKey(place));
  }

  put(end: ThreadEnd): void {
    const key = placeKey(end);
    this.#ends.delete(key);
    this.#ends.set(key, { end, at: performance.now() });
    if (this.#ends.size <= MAX_REMEMBERED) return;
    // A map has its keys in the order in which they came.
    const [oldest] = this.#ends.keys();
    this.#ends.delete(oldest as string);
  }
}
