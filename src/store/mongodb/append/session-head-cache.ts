import type { SessionRef } from '../access-scope.ts';
import type { SessionHead } from './session-head.ts';

/** How many heads are remembered: of identifiers of the usual length, some three megabytes. */
const MAX_ENTRIES = 5000;

/** For how long, in milliseconds. */
const MAX_AGE_MS = 600_000;

/** Heads of sessions as this process last left them; others may have moved them since. */
export class SessionHeadCache {
  readonly #heads = new Map<string, { head: SessionHead; at: number }>();
  readonly #maxAgeMs: number;

  /**
   * @param purgeAfter for how many milliseconds a session stays deleted before it is purged: no head is
   *   remembered for so long, since nobody looks for what is added to a session that is purged
   */
  constructor(purgeAfter = Number.POSITIVE_INFINITY) {
    this.#maxAgeMs = Math.min(MAX_AGE_MS, purgeAfter / 2);
  }

  /** What is remembered of a session, which is forgotten: whoever uses it will know better. */
  take(target: SessionRef): SessionHead | undefined {
    const known = this.#heads.get(keyOf(target));
    const isInReach = [undefined, known?.head.user_id].includes(target.user_id);
    if (known === undefined || !isInReach) return undefined;
    this.#heads.delete(keyOf(target));
    return performance.now() - known.at < this.#maxAgeMs ? known.head : undefined;
  }

  /** For when what is remembered of a session will not hold any more. */
  forget(target: SessionRef): void {
    this.take(target);
  }

  put({ retired: _, ...head }: SessionHead): void {
    this.#heads.delete(keyOf(head));
    this.#heads.set(keyOf(head), { head, at: performance.now() });
    // A map has its keys in the order in which they came.
    const [oldest] = this.#heads.keys();
    if (this.#heads.size > MAX_ENTRIES) this.#heads.delete(oldest as string);
  }
}

const keyOf = ({ namespace, session_id }: Pick<SessionHead, 'namespace' | 'session_id'>) =>
  JSON.stringify([namespace, session_id]);
