import type { Logger } from '../../domain/logger.ts';

/** How long failures are only counted after the first one of an address was written, in milliseconds. */
const WINDOW_MS = 60_000;

/** How many addresses have lines of their own in one window. */
const ADDRESSES_MAX = 10;

/**
 * Writes down failed sign-ins, so that whoever runs the server sees them and no attacker can flood
 * the log: the first failure of an address at once, those that follow as a number once a minute. Of
 * addresses beyond the first ten of a minute there is one line for all.
 */
export class FailureLog {
  readonly #logger: Logger;
  /** How many failures of an address are not written yet, and why the last was one. */
  readonly #counts = new Map<string, { count: number; reason: string }>();
  #others = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param reason holds nothing of the credential */
  add(address: string, reason: string): void {
    this.#timer ??= setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
    const known = this.#counts.get(address);
    if (known !== undefined) {
      known.count += 1;
      known.reason = reason;
    } else if (this.#counts.size < ADDRESSES_MAX) {
      this.#counts.set(address, { count: 0, reason });
      this.#logger.warn('sign-in failed', { address, count: 1, reason });
    } else this.#others += 1;
  }

  #endWindow(): void {
    this.#timer = undefined;
    const counts = [...this.#counts].filter(([, { count }]) => count > 0);
    const others = this.#others;
    this.#counts.clear();
    this.#others = 0;
    for (const [address, { count, reason }] of counts) {
      this.#logger.warn('sign-ins failed', { address, count, reason });
      // It goes on, most likely: the next line comes in a minute.
      this.#counts.set(address, { count: 0, reason });
    }
    if (others > 0) this.#logger.warn('sign-ins failed from further addresses', { count: others });
    if (counts.length > 0) this.#timer = setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
  }
}
