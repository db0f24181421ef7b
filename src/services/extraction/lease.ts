import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../domain/metadata.ts';
import type { Store } from '../../store/port.ts';

/** The name of the lease of whoever extracts; the names of those of namespaces begin with it. */
export const LEASE_NAME = 'extraction';

/** The name of the lease of a namespace. Its holder reads the sessions of the namespace, or resets their coverage. */
export const namespaceLease = (namespace: string): string => `${LEASE_NAME} ${namespace}`;

/**
 * How long a lease is held without being renewed, in milliseconds. An append may take five seconds, so one
 * that begins right after a renewal is over long before somebody else takes the lease.
 */
export const LEASE_MS = 12_000;

/** A lease was lost to another process: what was begun under it is not to be applied. */
export class LeaseLost extends Error {
  constructor(name: string) {
    super(`the lease ${name} was lost to another process`);
    this.name = 'LeaseLost';
  }
}

/** A lease that is held. */
export interface HeldLease {
  /** What the last holder has saved. */
  state: JsonObject;
  /**
   * Makes sure that it is still held, and saves the state.
   *
   * @throws LeaseLost if it is not
   */
  save(state: JsonObject): Promise<void>;
  /** Gives it back. If that fails, it ends by itself. */
  release(): Promise<void>;
}

/**
 * Takes a lease and renews it until it is released.
 *
 * @param onLost is called once when it cannot be renewed any more
 * @returns `undefined` if another process holds it
 */
export async function holdLease(
  { leases }: Store,
  name: string,
  holder: string,
  onLost: (error: LeaseLost) => void,
): Promise<HeldLease | undefined> {
  const state = await leases.take(name, holder, LEASE_MS);
  if (state === undefined) return undefined;
  const ended = new AbortController();
  let renewedAt = performance.now();

  async function renew(): Promise<void> {
    while (!ended.signal.aborted) {
      await sleep(LEASE_MS / 4, undefined, { ref: false, signal: ended.signal }).catch(() => {});
      if (ended.signal.aborted) return;
      const begun = performance.now();
      const isHeld = await leases.take(name, holder, LEASE_MS).then(
        (taken) => taken !== undefined,
        // The store cannot be reached: it may be back in time.
        () => performance.now() - renewedAt < LEASE_MS,
      );
      if (ended.signal.aborted) return;
      if (!isHeld) return lost();
      renewedAt = begun;
    }
  }

  function lost(): void {
    ended.abort();
    onLost(new LeaseLost(name));
  }

  const renewing = renew();
  return {
    state,
    async save(state) {
      const begun = performance.now();
      if (ended.signal.aborted) throw new LeaseLost(name);
      if (!(await leases.save(name, holder, LEASE_MS, state))) {
        lost();
        throw new LeaseLost(name);
      }
      renewedAt = begun;
    },
    async release() {
      ended.abort();
      await renewing;
      await leases.release(name, holder).catch(() => undefined);
    },
  };
}
