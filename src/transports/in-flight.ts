import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/**
 * These requests are answered only when the connection ends, so a stopping server does not wait for
 * them.
 */
const OPEN_ENDED = new Set(['subscriptions/listen']);

/** A part of the server whose requests a stopping server waits for. */
export interface Drainable {
  /**
   * Resolves to `true` as soon as no request is in flight, or to `false` after `timeoutMs`
   * milliseconds.
   */
  drained(timeoutMs: number): Promise<boolean>;
}

/** One request in flight. */
interface Entry {
  bytes: number;
  /** Callbacks to run when the request is settled. */
  callbacks?: (() => void)[];
  /** A later request with the same identifier. */
  next?: Entry;
}

/** Counts the requests in flight and notifies when there are none left. */
export class InFlight implements Drainable {
  /**
   * By identifier. A faulty client may use an identifier twice: requests that share one are settled
   * in order of arrival.
   */
  readonly #items = new Map<unknown, Entry>();
  readonly #onSettled: () => void;
  #count = 0;
  #bytes = 0;
  #drainWaiters: (() => void)[] = [];

  /** @param onSettled is called each time a request is settled */
  constructor(onSettled: () => void = () => {}) {
    this.#onSettled = onSettled;
  }

  /** The number of requests in flight. */
  get count(): number {
    return this.#count;
  }

  /** The total size of the messages of these requests, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: unknown, bytes = 0): void {
    const entry = { bytes };
    const last = this.#lastOf(id);
    if (last === undefined) this.#items.set(id, entry);
    else last.next = entry;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /**
   * Calls `then` when the latest request with this `id` is settled; at once if none is in flight.
   */
  whenSettled(id: unknown, then: () => void): void {
    const entry = this.#lastOf(id);
    if (entry === undefined) then();
    else entry.callbacks = [...(entry.callbacks ?? []), then];
  }

  /** Settles every request: the connection has ended, and no answer can be sent. */
  settleAll(): void {
    for (const id of [...this.#items.keys()]) {
      while (this.#items.has(id)) this.settle(id);
    }
  }

  settle(id: unknown): void {
    const entry = this.#items.get(id);
    if (entry === undefined) return;
    if (entry.next === undefined) this.#items.delete(id);
    else this.#items.set(id, entry.next);
    this.#count -= 1;
    this.#bytes -= entry.bytes;
    for (const then of entry.callbacks ?? []) then();
    this.#onSettled();
    if (this.#count > 0) return;
    for (const wake of this.#drainWaiters.splice(0)) wake();
  }

  #lastOf(id: unknown): Entry | undefined {
    let entry = this.#items.get(id);
    while (entry?.next !== undefined) entry = entry.next;
    return entry;
  }

  async drained(timeoutMs: number): Promise<boolean> {
    if (this.#count === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, false);
    });
    const idle = new Promise<boolean>((resolve) => this.#drainWaiters.push(() => resolve(true)));
    return Promise.race([idle, late]).finally(() => clearTimeout(timer));
  }
}

/**
 * Wraps `transport` to count the requests that it has delivered and not yet answered. A request
 * counts from its delivery, whether or not its handler has started.
 *
 * @param sizeOf returns the size of the message that is being delivered, in bytes
 */
export function trackInFlight(
  transport: Transport,
  inFlight = new InFlight(),
  sizeOf: () => number = () => 0,
): InFlight {
  const send = transport.send.bind(transport);
  const start = transport.start.bind(transport);

  transport.start = () => {
    const deliver = transport.onmessage;
    transport.onmessage = (message: JSONRPCMessage, extra) => {
      if ('method' in message) {
        if ('id' in message) {
          if (!OPEN_ENDED.has(message.method)) inFlight.add(message.id, sizeOf());
        } else if (message.method === 'notifications/cancelled') {
          inFlight.settle(message.params?.requestId);
        }
      }
      deliver?.(message as never, extra);
    };
    return start();
  };
  transport.send = async (message, options) => {
    try {
      await send(message, options);
    } finally {
      if (!('method' in message) && 'id' in message) inFlight.settle(message.id);
    }
  };
  return inFlight;
}
