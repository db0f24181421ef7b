import type { Writable } from 'node:stream';
import type { Hold } from '../../mcp/calls/run-call.ts';
import { InFlight } from '../in-flight.ts';

/** How much of what one client sends may be under way. */
export interface BackPressureLimits {
  /** Requests that are not answered, or whose work has not ended. */
  callsAtOnce: number;
  /** Bytes of requests that are not answered; the longest is let in all the same. */
  bytes: number;
}

/** For how many messages there is room when reading goes on. */
const SOME = 8;

/**
 * Says when another message of a client may be looked at: not while too many of its requests are under
 * way, nor while it leaves unread what it was sent.
 */
export class BackPressure {
  /** The requests whose answers have not been taken. */
  readonly pending = new InFlight(() => this.#look());
  readonly #limits: BackPressureLimits;
  readonly #output: Writable;
  #working = 0;
  #waiting: (() => void)[] = [];

  /** @param output where answers and notifications go */
  constructor(limits: BackPressureLimits, output: Writable) {
    this.#limits = limits;
    this.#output = output;
    for (const event of ['drain', 'close']) output.on(event, () => this.#look());
  }

  /** Counts work until it has ended, though it may have been answered, or taken back, before. */
  readonly hold: Hold = () => {
    this.#working += 1;
    return () => {
      this.#working -= 1;
      this.#look();
    };
  };

  /**
   * Resolves when there is room for some, or is `undefined` if there is for one now: to wait for each of
   * many by itself would cost more than what they ask for.
   */
  whenReady(): Promise<void> | undefined {
    if (this.#isThere(this.#limits.callsAtOnce)) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when what was sent has been taken, or is `undefined` if that is now. */
  whenRead(): Promise<void> | undefined {
    return whenRead(this.#output);
  }

  #isThere(callsAtOnce: number): boolean {
    return (
      this.pending.count < callsAtOnce &&
      this.pending.bytes < this.#limits.bytes &&
      this.#working < callsAtOnce &&
      (!this.#output.writableNeedDrain || this.#output.destroyed)
    );
  }

  #look(): void {
    if (this.#waiting.length === 0) return;
    const { callsAtOnce } = this.#limits;
    if (!this.#isThere(callsAtOnce - Math.min(SOME, callsAtOnce >> 1))) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** Resolves when a reader has taken what was written, or is gone; `undefined` if that is now. */
export function whenRead(output: Writable): Promise<void> | undefined {
  if (!output.writableNeedDrain || output.destroyed) return undefined;
  return new Promise((resolve) => {
    const settle = () => {
      output.off('drain', settle).off('close', settle);
      resolve();
    };
    output.on('drain', settle).on('close', settle);
  });
}
