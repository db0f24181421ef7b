import { DomainError } from '../domain/errors.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import { ServiceError } from './errors.ts';

/** The share of the capacity that one key may use. */
const SHARE = 0.25;

/** How long work may wait for its turn, in milliseconds. A call may take longer than that. */
const WAIT_MAX_MS = 20_000;

interface Waiting {
  begin(): void;
  timer: NodeJS.Timeout;
}

/**
 * Runs long work, a limited number at once. Each key stands for a credential and may use a share of the
 * capacity. Waiting work is admitted in turns by key, so that a caller who asks for much delays only
 * itself.
 */
export class FairQueue {
  readonly #running = new Map<string, number>();
  /** The keys are in the order of their turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #total = 0;

  /**
   * @param capacity how many may run at once; a key may use a quarter of it, but at least one
   * @throws ServiceError RESOURCE_EXHAUSTED when the work has to wait for too long; what `work` throws
   */
  async run<T>(key: string, capacity: number, work: () => Promise<T>): Promise<T> {
    const share = Math.max(1, Math.floor(capacity * SHARE));
    if (this.#total >= capacity || this.#runningOf(key) >= share) await this.#turn(key);
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

  #turn(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#forget(key, waiting);
        reject(new ServiceError({ kind: 'long_reads_queue_timeout', waited_ms: WAIT_MAX_MS }));
      }, WAIT_MAX_MS);
      const waiting: Waiting = { timer, begin: resolve };
      const others = this.#waiting.get(key);
      if (others === undefined) this.#waiting.set(key, [waiting]);
      else others.push(waiting);
    });
  }

  /** Admits waiting work of the key whose last turn is longest ago; `false` if no key may. */
  #admitOne(share: number): boolean {
    for (const [key, waiting] of this.#waiting) {
      if (this.#runningOf(key) >= share) continue;
      const [next] = waiting as [Waiting];
      this.#forget(key, next);
      // The rest of this key waits until all other keys have had a turn.
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
 * Runs a long read on behalf of a caller when its turn has come.
 *
 * @throws ServiceError RESOURCE_EXHAUSTED when its turn does not come in time; what `read` throws
 */
export function queueLongRead<T>(
  queue: FairQueue,
  { credential, namespace }: Caller,
  store: Store,
  read: () => Promise<T>,
): Promise<T> {
  return queue.run(credential ?? `namespace:${namespace}`, store.longReads, read);
}
