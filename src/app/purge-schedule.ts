import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import { purgeExpired } from '../services/purge.ts';
import { purgeCutoff } from '../services/undo-deadline.ts';
import type { PurgeCounts, Store } from '../store/port.ts';

/** The sweep at start-up waits this long, so as not to be in the way of the first calls. */
const FIRST_SWEEP_MS = 1000;

/** A sweep that failed is tried again after this time, or `PURGE_EVERY` if that is shorter. */
const RETRY_MS = 60_000;

/**
 * Sweeps the store at start-up and from then on; returns what stops it. Each sweep asks first what other
 * servers keep. A server that only reads does no more than that.
 *
 * @param onPurged hears of what each sweep purged
 */
export function startSweeping(
  config: Pick<Config, 'purgeEvery' | 'readOnly'>,
  store: () => Promise<Store>,
  logger: Logger,
  onPurged: (counts: PurgeCounts) => void = () => {},
): () => void {
  const { purgeEvery, readOnly } = config;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout;
  const sweep = async () => {
    const opened = await store();
    const cutoff = purgeCutoff(Date.now(), await opened.agreeRetention());
    if (readOnly || cutoff === undefined) return;
    const purged = await purgeExpired(opened, { cutoff, signal: stopping.signal });
    onPurged(purged);
    if (purged.sessions + purged.messages + purged.users > 0) logger.info('purged', { ...purged });
  };
  const run = async () => {
    let wait = purgeEvery;
    try {
      await sweep();
    } catch (error) {
      // Who only reads has nothing to sweep: whatever keeps them from reading, their calls tell.
      const level = readOnly ? 'debug' : 'warn';
      logger[level]('the sweep failed and will be tried again', { error });
      // Before the registration of this server expires, and others purge what it has promised to keep.
      wait = Math.min(purgeEvery, RETRY_MS);
    }
    if (!stopping.signal.aborted) timer = setTimeout(run, wait).unref();
  };
  timer = setTimeout(run, Math.min(FIRST_SWEEP_MS, purgeEvery)).unref();
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}

/** For how long the registration of a server counts: longer than until its next sweep, and the one after. */
export const registrationMs = (purgeEvery: number) => 2 * purgeEvery + RETRY_MS;
