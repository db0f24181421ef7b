import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import { purgeExpired } from '../services/purge.ts';
import { purgeCutoff } from '../services/undo-deadline.ts';
import type { PurgeCounts, Store } from '../store/port.ts';

/** Delay of the first run after start-up, so that it does not delay the first calls. */
const FIRST_RUN_MS = 1000;

/** A failed run is retried after this time, or after `PURGE_EVERY` if that is shorter. */
const RETRY_MS = 60_000;

/**
 * Purges expired records at start-up and then every `purgeEvery` milliseconds. Each run first reads the
 * retention of the other servers. A read-only server does only that.
 *
 * @param onPurged takes the number of records that each run purged
 * @returns a function that stops the schedule
 */
export function startPurgeSchedule(
  config: Pick<Config, 'purgeEvery' | 'readOnly'>,
  store: () => Promise<Store>,
  logger: Logger,
  onPurged: (counts: PurgeCounts) => void = () => {},
): () => void {
  const { purgeEvery, readOnly } = config;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout;
  const purge = async () => {
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
      await purge();
    } catch (error) {
      // A read-only server has nothing to purge, and its calls report why the store cannot be read.
      const level = readOnly ? 'debug' : 'warn';
      logger[level]('the purge failed and will be retried', { error });
      // In time to renew this server's registration: once it expires, other servers purge records that
      // this server still promises to keep.
      wait = Math.min(purgeEvery, RETRY_MS);
    }
    if (!stopping.signal.aborted) timer = setTimeout(run, wait).unref();
  };
  timer = setTimeout(run, Math.min(FIRST_RUN_MS, purgeEvery)).unref();
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}

/**
 * How long a server's registration is valid, in milliseconds. Each run renews it. It outlasts two intervals,
 * so one failed run does not end it.
 */
export const registrationMs = (purgeEvery: number) => 2 * purgeEvery + RETRY_MS;
