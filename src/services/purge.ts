import type { PurgeCounts, Store } from '../store/port.ts';

/** The records purged per step: few enough not to block other writers noticeably. */
const STEP = 500;

export interface PurgeOptions {
  /** Only records deleted at or before this time (RFC 3339) are purged. */
  cutoff: string;
  signal?: AbortSignal;
  /** Called with the running total after every step. */
  onProgress?(purged: PurgeCounts): void;
}

/**
 * Purges everything soft-deleted up to the cutoff, in small steps.
 *
 * @returns the number of purged records
 */
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
