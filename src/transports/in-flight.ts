import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/** Answered only when the connection ends, so nothing to wait for. */
const OPEN_ENDED = new Set(['subscriptions/listen']);

/** Something that is waited for before a server stops. */
export interface Drainable {
  /** Resolves `true` once nothing is pending, or `false` after `timeout` milliseconds. */
  drained(timeout: number): Promise<boolean>;
}

/** One thing that is under way. */
interface Item {
  bytes: number;
  /** What is to be done when it is not. */
  afterwards?: (() => void)[];
  /** What came later under the same identifier. */
  next?: Item;
}

/** Counts what is under way, and tells when that is nothing. */
export class InFlight implements Drainable {
  /** By identifier, of which a careless client may use one twice: the first comes first. */
  readonly #items = new Map<unknown, Item>();
  readonly #onSettled: () => void;
  #count = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  /** @param onSettled hears whenever there is less of it */
  constructor(onSettled: () => void = () => {}) {
    this.#onSettled = onSettled;
  }

  /** How much is under way. */
  get count(): number {
    return this.#count;
  }

  /** How many bytes brought it. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: unknown, bytes = 0): void {
    const item = { bytes };
    const last = this.#lastOf(id);
    if (last === undefined) this.#items.set(id, item);
    else last.next = item;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Calls `then` once what came last as `id` is no longer under way, which may be now. */
  whenSettled(id: unknown, then: () => void): void {
    const item = this.#lastOf(id);
    if (item === undefined) then();
    else item.afterwards = [...(item.afterwards ?? []), then];
  }

  /** For when nothing will be answered any more. */
  settleAll(): void {
    for (const id of [...this.#items.keys()]) {
      while (this.#items.has(id)) this.settle(id);
    }
  }

  settle(id: unknown): void {
    const item = this.#items.get(id);
    if (item === undefined) return;
    if (item.next === undefined) this.#items.delete(id);
    else this.#items.set(id, item.next);
    this.#count -= 1;
    this.#bytes -= item.bytes;
    for (const then of item.afterwards ?? []) then();
    this.#onSettled();
    if (this.#count > 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #lastOf(id: unknown): Item | undefined {
    let item = this.#items.get(id);
    while (item?.next !== undefined) item = item.next;
    return item;
  }

  async drained(timeout: number): Promise<boolean> {
    if (this.#count === 0) return true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, timeout, false);
    });
    const idle = new Promise<boolean>((resolve) => this.#waiting.push(() => resolve(true)));
    return Promise.race([idle, late]).finally(() => clearTimeout(timer));
  }
}

/**
 * Makes `transport` keep count of the requests it delivered and has not answered. What arrived is
 * what has to be answered, whether or not its handler has started.
 *
 * @param sizeOf how many bytes the message had that is being delivered
 */
export function trackInFlight(
  transport: Transport,
  pending = new InFlight(),
  sizeOf: () => number = () => 0,
): InFlight {
  const send = transport.send.bind(transport);
  const start = transport.start.bind(transport);

  transport.start = () => {
    const deliver = transport.onmessage;
    transport.onmessage = (message: JSONRPCMessage, extra) => {
      if ('method' in message) {
        if ('id' in message) {
          if (!OPEN_ENDED.has(message.method)) pending.add(message.id, sizeOf());
        } else if (message.method === 'notifications/cancelled') {
          pending.settle(message.params?.requestId);
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
      if (!('method' in message) && 'id' in message) pending.settle(message.id);
    }
  };
  return pending;
}
