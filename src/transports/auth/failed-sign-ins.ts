import { isIPv6 } from 'node:net';
import type { Logger } from '../../domain/logger.ts';
import { FailureLog } from './failure-log.ts';

/**
 * A token bucket per address: the number of wrong credentials it may send at once, and the number
 * added each second.
 */
const BURST = 300;
const PER_SECOND = 5;

/**
 * The most addresses that are remembered. The one whose last failure is oldest is forgotten first.
 */
const ADDRESSES_MAX = 10_000;

/** The token bucket of one address. */
interface Bucket {
  failures: number;
  /** When `failures` was computed, in milliseconds. */
  at: number;
}

/**
 * Counts the wrong credentials from each address. A valid credential is accepted however many
 * failures its address has: all clients behind one proxy share its address.
 */
export class FailedSignIns {
  readonly #byAddress = new Map<string, Bucket>();
  readonly #log: FailureLog;
  readonly #now: () => number;

  /** @param now a monotonic clock, in milliseconds */
  constructor(logger: Logger, now: () => number = () => performance.now()) {
    this.#log = new FailureLog(logger);
    this.#now = now;
  }

  /**
   * Logs the refusal of a genuine credential, such as an expired one, without counting it as a
   * guess.
   */
  note(address: string, reason: string): void {
    this.#log.add(networkOf(address), reason);
  }

  /**
   * Counts and logs a wrong credential.
   *
   * @param reason why it is refused; must not contain any part of the credential
   * @returns the seconds that the address has to wait if it has sent too many, else `undefined`
   */
  count(address: string, reason: string): number | undefined {
    const network = networkOf(address);
    this.#log.add(network, reason);
    const now = this.#now();
    const { failures, at } = this.#byAddress.get(network) ?? { failures: BURST, at: now };
    const left = Math.min(BURST, failures + ((now - at) / 1000) * PER_SECOND) - 1;
    // Moves the address to the end of the map: eviction starts at the beginning.
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

/**
 * The network that failures are counted for: an IPv4 address, or the /64 prefix of an IPv6 address,
 * which one household or machine has to itself.
 */
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
