import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { purgeExpired } from './services/purge.ts';
import { purgeCutoff } from './services/services.ts';
import type { PurgeCounts, Store } from './store/store.ts';

/** The sweep at start-up waits this long, so as not to be in the way of the first calls. */
const FIRST_SWEEP_MS = 1000;

/**
 * Sweeps the store at start-up and from then on; returns what stops it.
 *
 * @param onPurged hears of what each sweep purged
 */
export function startSweeping(
  config: Config,
  store: () => Promise<Store>,
  logger: Logger,
  onPurged: (counts: PurgeCounts) => void = () => {},
): () => void {
  const { purgeAfter, purgeEvery } = config;
  if (purgeAfter === undefined) return () => {};
  const stopping = new AbortController();
  let timer: NodeJS.Timeout;
  const run = async () => {
    try {
      const cutoff = purgeCutoff(Date.now(), purgeAfter) as string;
      const purged = await purgeExpired(await store(), { cutoff, signal: stopping.signal });
      onPurged(purged);
      if (purged.sessions + purged.messages + purged.users > 0)
        logger.info('purged', { ...purged });
    } catch (error) {
      logger.warn('the sweep failed and will be tried again', { error });
    }
    if (!stopping.signal.aborted) timer = setTimeout(run, purgeEvery).unref();
  };
  timer = setTimeout(run, Math.min(FIRST_SWEEP_MS, purgeEvery)).unref();
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}
