import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server';

/** Answered only when the connection ends, so nothing to wait for. */
const OPEN_ENDED = new Set(['subscriptions/listen']);

/** Something that is waited for before a server stops. */
export interface Drainable {
  /** Resolves `true` once nothing is pending, or `false` after `timeout` milliseconds. */
  drained(timeout: number): Promise<boolean>;
}

/** Counts what is under way, and tells when that is nothing. */
export class Pending implements Drainable {
  /** What is under way, each with what is to be done when it is not. */
  readonly #ids = new Map<unknown, (() => void)[]>();
  #waiting: (() => void)[] = [];

  add(id: unknown): void {
    if (!this.#ids.has(id)) this.#ids.set(id, []);
  }

  /** Calls `then` once `id` is no longer under way, which may be now. */
  whenSettled(id: unknown, then: () => void): void {
    const waiting = this.#ids.get(id);
    if (waiting === undefined) then();
    else waiting.push(then);
  }

  /** For when nothing will be answered any more. */
  settleAll(): void {
    for (const id of [...this.#ids.keys()]) this.settle(id);
  }

  settle(id: unknown): void {
    for (const then of this.#ids.get(id) ?? []) then();
    this.#ids.delete(id);
    if (this.#ids.size > 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async drained(timeout: number): Promise<boolean> {
    if (this.#ids.size === 0) return true;
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
 */
export function countPending(transport: Transport): Pending {
  const pending = new Pending();
  const send = transport.send.bind(transport);
  const start = transport.start.bind(transport);

  transport.start = () => {
    const deliver = transport.onmessage;
    transport.onmessage = (message: JSONRPCMessage, extra) => {
      if ('method' in message) {
        if ('id' in message) {
          if (!OPEN_ENDED.has(message.method)) pending.add(message.id);
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
