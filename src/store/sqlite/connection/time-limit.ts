import type { Database } from './engine.ts';

/**
 * Ends long statements. A statement that calls `in_time()` for each row fails once its time is over, or
 * once the server stops.
 */
export class TimeLimit {
  readonly #stop: Int32Array<SharedArrayBuffer> | undefined;
  /** By `performance.now()`. */
  #deadline = Number.POSITIVE_INFINITY;

  /** @param stop one number, 1 once the server stops */
  constructor(stop: Int32Array<SharedArrayBuffer> | undefined) {
    this.#stop = stop;
  }

  get isStopped(): boolean {
    return this.#stop !== undefined && Atomics.load(this.#stop, 0) === 1;
  }

  /** Defines `in_time()` in a database. */
  defineIn(database: Database): void {
    database.define('in_time', () => {
      if (this.isStopped || performance.now() > this.#deadline) {
        throw new Error('the read is over its time limit, or the server is stopping');
      }
      return 1;
    });
  }

  /**
   * Runs `work` with a time limit.
   *
   * @param timeoutMs from now on, in milliseconds
   * @returns what `work` returns, or what `onTimeout` returns if `work` throws after the time is over
   */
  within<T, L>(timeoutMs: number, work: () => T, onTimeout: () => L): T | L {
    this.#deadline = performance.now() + timeoutMs;
    try {
      return work();
    } catch (error) {
      if (performance.now() <= this.#deadline) throw error;
      return onTimeout();
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY;
    }
  }
}
