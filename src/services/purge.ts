import type { PurgeCounts, Store } from '../store/port.ts';

/** How many records one step purges: small enough to keep other writers waiting for no time. */
const STEP = 500;

export interface PurgeOptions {
  /** Only records deleted at or before this time (RFC 3339) are purged. */
  cutoff: string;
  signal?: AbortSignal;
  /** Hears of the running total after every step. */
  onProgress?(purged: PurgeCounts): void;
}

/** Purges everything soft-deleted by the cutoff, in small steps, and says how much that was. */
export async function purgeExpired(store: Store, options: PurgeOptions): Promise<PurgeCounts> {
  const total: PurgeCounts = { sessions: 0, messages: 0, users: 0 };
  while (options.signal?.aborted !== true) {
    const step = await store.purge(options.cutoff, STEP);
    if (step.sessions + step.messages + step.users === 0) break;
    total.sessions += step.sessions;
    total.messages += step.messages;
    total.users += step.users;
    options.onProgress?.({ ...total });
  }
  return total;
}
