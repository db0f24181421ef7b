import type { Logger } from '../../domain/logger.ts';

/** After the first failure of an address is logged, further ones are only counted for this long. */
const WINDOW_MS = 60_000;

/** The most addresses that get a log line of their own in one window. */
const ADDRESSES_MAX = 10;

/**
 * Logs failed sign-ins without letting an attacker flood the log. The first failure of an address
 * is logged at once, later ones as a count once a minute. Addresses beyond the first ten of a
 * minute share one line.
 */
export class FailureLog {
  readonly #logger: Logger;
  /** For each address, the number of failures not yet logged and the reason of the last one. */
  readonly #counts = new Map<string, { count: number; reason: string }>();
  #others = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param reason must not contain any part of the credential */
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
      // The failures are likely to continue: their count is logged in a minute.
      this.#counts.set(address, { count: 0, reason });
    }
    if (others > 0) this.#logger.warn('sign-ins failed from further addresses', { count: others });
    if (counts.length > 0) this.#timer = setTimeout(() => this.#endWindow(), WINDOW_MS).unref();
  }
}
