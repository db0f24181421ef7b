import { DomainError } from '../domain/errors.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import { ServiceError } from './errors.ts';

/** The share of the capacity that one key may use. */
const SHARE = 0.25;

/** The longest wait in the queue, in milliseconds. A call has a longer time limit than that. */
const WAIT_MAX_MS = 20_000;

interface Waiting {
  begin(): void;
  timer: NodeJS.Timeout;
}

/**
 * Runs expensive work with limited concurrency. Each key stands for a credential and may use a
 * share of the capacity. Waiting work is admitted round-robin by key, so a caller with many
 * requests delays only itself.
 */
export class FairQueue {
  readonly #running = new Map<string, number>();
  /** The waiting work by key, in round-robin order. */
  readonly #waiting = new Map<string, Waiting[]>();
  #total = 0;

  /**
   * @param capacity the most that may run at once; a key may use a quarter of it, but at least one
   * @param waitMs how long it may wait, in milliseconds
   * @throws ServiceError RESOURCE_EXHAUSTED when the work waits for too long; whatever `work`
   *   throws
   */
  async run<T>(
    key: string,
    capacity: number,
    work: () => Promise<T>,
    waitMs = WAIT_MAX_MS,
  ): Promise<T> {
    const share = Math.max(1, Math.floor(capacity * SHARE));
    if (this.#total >= capacity || this.#runningOf(key) >= share) await this.#turn(key, waitMs);
    else this.#enter(key);
    const working = work();
    const leave = () => {
      this.#leave(key);
      while (this.#total < capacity && this.#admitOne(share));
    };
    working.then(leave, (error: unknown) => {
      // The store may still be working, though the call has given up.
      const unfinished = error instanceof DomainError ? error.unfinished : undefined;
      Promise.resolve(unfinished).then(leave, leave);
    });
    return working;
  }

  #turn(key: string, waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#forget(key, waiting);
        reject(new ServiceError({ kind: 'long_reads_queue_timeout', waited_ms: waitMs }));
      }, waitMs);
      const waiting: Waiting = { timer, begin: resolve };
      const others = this.#waiting.get(key);
      if (others === undefined) this.#waiting.set(key, [waiting]);
      else others.push(waiting);
    });
  }

  /**
   * Admits work of the key that was served longest ago; returns `false` if no key is below its
   * share.
   */
  #admitOne(share: number): boolean {
    for (const [key, waiting] of this.#waiting) {
      if (this.#runningOf(key) >= share) continue;
      const [next] = waiting as [Waiting];
      this.#forget(key, next);
      // Moves the key behind all others.
      const left = this.#waiting.get(key);
      if (left !== undefined) {
        this.#waiting.delete(key);
        this.#waiting.set(key, left);
      }
      clearTimeout(next.timer);
      this.#enter(key);
      next.begin();
      return true;
    }
    return false;
  }

  #forget(key: string, waiting: Waiting): void {
    const left = (this.#waiting.get(key) ?? []).filter((other) => other !== waiting);
    if (left.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, left);
  }

  #runningOf(key: string): number {
    return this.#running.get(key) ?? 0;
  }

  #enter(key: string): void {
    this.#running.set(key, this.#runningOf(key) + 1);
    this.#total += 1;
  }

  #leave(key: string): void {
    const left = this.#runningOf(key) - 1;
    if (left === 0) this.#running.delete(key);
    else this.#running.set(key, left);
    this.#total -= 1;
  }
}

/**
 * Runs a long read for a caller once it is admitted.
 *
 * @param waitMs how long it may wait, in milliseconds; usually 20 seconds
 * @throws ServiceError RESOURCE_EXHAUSTED when it is not admitted in time; whatever `read` throws
 */
export function queueLongRead<T>(
  queue: FairQueue,
  { credential, namespace }: Caller,
  store: Store,
  read: () => Promise<T>,
  waitMs?: number,
): Promise<T> {
  return queue.run(credential ?? `namespace:${namespace}`, store.longReads, read, waitMs);
}
