import type { Writable } from 'node:stream';
import type { Hold } from '../../mcp/calls/run-call.ts';
import { InFlight } from '../in-flight.ts';

/** The limits of what one client may have under way. */
export interface BackPressureLimits {
  /** The most requests that are not answered, or whose work has not ended. */
  callsAtOnce: number;
  /** The most bytes of requests that are not answered. The longest message is let in all the same. */
  bytes: number;
}

/** Reading resumes when there is room for this many messages. */
const RESUME_MESSAGES = 8;

/**
 * Says when the next message of a client may be read: not while too many of its requests are in flight,
 * and not while it does not read its answers.
 */
export class BackPressure {
  /** The requests whose answers have not been written. */
  readonly inFlight = new InFlight(() => this.#wake());
  readonly #limits: BackPressureLimits;
  readonly #output: Writable;
  #working = 0;
  #waiting: (() => void)[] = [];

  /** @param output where answers and notifications go */
  constructor(limits: BackPressureLimits, output: Writable) {
    this.#limits = limits;
    this.#output = output;
    for (const event of ['drain', 'close']) output.on(event, () => this.#wake());
  }

  /** Counts the work of a call until it has ended, even if the call was answered or cancelled before. */
  readonly hold: Hold = () => {
    this.#working += 1;
    return () => {
      this.#working -= 1;
      this.#wake();
    };
  };

  /**
   * Resolves when there is room for some messages; `undefined` if there is room for one now. A wait for
   * each message would cost more than the message.
   */
  readonly whenReady = (): Promise<void> | undefined => {
    if (this.#hasRoom(this.#limits.callsAtOnce)) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  /** Resolves when the client has read its answers; `undefined` if it has. */
  readonly whenRead = (): Promise<void> | undefined => whenRead(this.#output);

  #hasRoom(callsAtOnce: number): boolean {
    return (
      this.inFlight.count < callsAtOnce &&
      this.inFlight.bytes < this.#limits.bytes &&
      this.#working < callsAtOnce &&
      (!this.#output.writableNeedDrain || this.#output.destroyed)
    );
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const { callsAtOnce } = this.#limits;
    if (!this.#hasRoom(callsAtOnce - Math.min(RESUME_MESSAGES, callsAtOnce >> 1))) return;
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
