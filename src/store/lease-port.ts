import type { JsonObject } from '../domain/metadata.ts';

/** A lease as others see it. */
export interface LeaseInfo {
  /** Who holds it at the moment, if anybody does. */
  holder?: string;
  /** What its last holder has saved. */
  state: JsonObject;
}

/**
 * Leases: work that one of all processes on the database does at a time. A lease is held until the time
 * that it was taken for is over, unless it is renewed. It keeps a small state, which outlives its holders.
 * Times go by one clock: that of the database, or of the machine for a file.
 */
export interface LeaseStore {
  /**
   * Takes a lease that nobody else holds, or renews it.
   *
   * @param holder names the holder, and nobody else
   * @param ttlMs for how long, in milliseconds
   * @returns the state; `undefined` if another holds it
   */
  take(name: string, holder: string, ttlMs: number): Promise<JsonObject | undefined>;

  /**
   * Replaces the state, and renews the lease.
   *
   * @returns whether it was still held; if not, nothing was changed
   */
  save(name: string, holder: string, ttlMs: number, state: JsonObject): Promise<boolean>;

  /** Gives a lease back, if it is still held. The state stays. */
  release(name: string, holder: string): Promise<void>;

  /** Looks at a lease without taking it; `undefined` if nobody ever took it. */
  look(name: string): Promise<LeaseInfo | undefined>;
}
