import { isIPv6 } from 'node:net';
import type { Logger } from '../../domain/logger.ts';
import { FailureLog } from './failure-log.ts';

/** How many wrong credentials one address may send at once, and how many more each second. */
const BURST = 300;
const PER_SECOND = 5;

/** How many addresses are remembered: those that failed last. */
const ADDRESSES_MAX = 10_000;

/** What an address has left. */
interface Allowance {
  failures: number;
  /** When `failures` was right, in milliseconds. */
  at: number;
}

/**
 * Keeps count of the wrong credentials that come from each address. Who brings a good one is let in
 * whatever others at the same address do: behind a proxy, all of them share one.
 */
export class FailedSignIns {
  readonly #byAddress = new Map<string, Allowance>();
  readonly #log: FailureLog;
  readonly #now: () => number;

  /** @param now a clock that only goes forward, in milliseconds */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.#log = new FailureLog(logger);
    this.#now = now;
  }

  /** Writes down that a credential was refused that is no guess, such as one that has expired. */
  note(address: string, reason: string): void {
    this.#log.add(networkOf(address), reason);
  }

  /**
   * Counts a wrong credential.
   *
   * @param reason why it is refused, in words that hold nothing of it
   * @returns for how many seconds the address should send no other, if it has sent too many
   */
  count(address: string, reason: string): number | undefined {
    const network = networkOf(address);
    this.#log.add(network, reason);
    const now = this.#now();
    const { failures, at } = this.#byAddress.get(network) ?? { failures: BURST, at: now };
    const left = Math.min(BURST, failures + ((now - at) / 1000) * PER_SECOND) - 1;
    // To the end of the map, whose beginning is forgotten first.
    this.#byAddress.delete(network);
    this.#byAddress.set(network, { failures: Math.max(left, -1), at: now });
    if (this.#byAddress.size > ADDRESSES_MAX) {
      for (const oldest of this.#byAddress.keys()) {
        this.#byAddress.delete(oldest);
        break;
      }
    }
    return left >= 0 ? undefined : Math.ceil(-left / PER_SECOND);
  }
}

/** An IPv4 address, or of an IPv6 address the part that one household or machine has to itself. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [before = '', after] = (address.split('%')[0] as string).split('::');
  const groups = before === '' ? [] : before.split(':');
  const rest = after === undefined || after === '' ? [] : after.split(':');
  const missing = after === undefined ? 0 : 8 - groups.length - rest.length;
  const whole = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...rest];
  return `${whole.slice(0, 4).join(':')}::/64`;
}
