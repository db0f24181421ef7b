import type { Writable } from 'node:stream';
import type { Hold } from '../../mcp/calls/run-call.ts';
import { InFlight } from '../in-flight.ts';

/** The limits of what one client may have in flight. */
export interface BackPressureLimits {
  /** The most requests that are unanswered or still working. */
  callsAtOnce: number;
  /** The most bytes of unanswered requests. One message may exceed it. */
  bytes: number;
}

/** Reading resumes when there is room for this many messages. */
const RESUME_MESSAGES = 8;

/**
 * Decides when the next message of a client may be read: not while too many of its requests are in
 * flight, and not while it does not read its responses.
 */
export class BackPressure {
  /** The requests whose responses have not been written. */
  readonly inFlight = new InFlight(() => this.#wake());
  readonly #limits: BackPressureLimits;
  readonly #output: Writable;
  #working = 0;
  #waiters: (() => void)[] = [];

  /** @param output the stream that responses and notifications are written to */
  constructor(limits: BackPressureLimits, output: Writable) {
    this.#limits = limits;
    this.#output = output;
    for (const event of ['drain', 'close']) output.on(event, () => this.#wake());
  }

  /**
   * Counts the work of a call until it has ended, which may be after the call was answered or
   * cancelled.
   */
  readonly hold: Hold = () => {
    this.#working += 1;
    return () => {
      this.#working -= 1;
      this.#wake();
    };
  };

  /**
   * Resolves when there is room for several messages; `undefined` if there is room for one now.
   * Waiting before each message would cost more than processing it.
   */
  readonly whenReady = (): Promise<void> | undefined => {
    if (this.#hasRoom(this.#limits.callsAtOnce)) return undefined;
    return new Promise((resolve) => this.#waiters.push(resolve));
  };

  /** Resolves when the client has read its responses; `undefined` if it already has. */
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
    if (this.#waiters.length === 0) return;
    const { callsAtOnce } = this.#limits;
    if (!this.#hasRoom(callsAtOnce - Math.min(RESUME_MESSAGES, callsAtOnce >> 1))) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }
}

/**
 * Resolves when the buffer of a stream has been flushed to its reader, or the stream is closed;
 * `undefined` if that is already so.
 */
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
