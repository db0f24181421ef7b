import type { Config } from '../../config/index.ts';
import { durationText } from '../../config/values.ts';
import { counted } from '../../domain/errors.ts';
import { purgeExpired } from '../../services/purge.ts';
import { purgeCutoff } from '../../services/undo-deadline.ts';
import type { PurgeCounts, Store } from '../../store/port.ts';
import { lazyStore, storeName } from '../open-store.ts';
import { commandUse } from '../store-use.ts';
import type { Invocation } from './command.ts';
import { configure } from './configured.ts';

/**
 * The command `purge`: purges the deleted records whose retention has passed, in all namespaces. It does
 * not set up the database, and a dry run writes nothing.
 *
 * @throws ConfigError when a setting is wrong; what the store throws
 */
export async function runPurge(invocation: Invocation): Promise<void> {
  const { config, logger } = await configure(invocation);
  const report = (text: string) => void invocation.stdout.write(text);
  report(`In ${storeName(config)}:\n`);
  const store = lazyStore(config, logger, commandUse(config, config.dryRun));
  try {
    await purgeNow(await store.get(), config, report);
  } finally {
    await store.close();
  }
}

async function purgeNow(
  store: Store,
  { purgeAfter, dryRun }: Pick<Config, 'purgeAfter' | 'dryRun'>,
  report: (text: string) => void,
): Promise<void> {
  const retention = await store.agreeRetention();
  const inForce = durationText(retention);
  if (retention !== purgeAfter) {
    report(
      `PURGE_AFTER is ${durationText(purgeAfter)} here, but ${inForce} at a server that uses the same database: ${inForce} holds. To purge sooner, give every server the shorter time and restart it.\n`,
    );
  }
  const cutoff = purgeCutoff(Date.now(), retention);
  if (cutoff === undefined) {
    report('PURGE_AFTER is off: nothing is ever purged.\n');
    return;
  }
  report(`Soft-deleted up to ${cutoff}: ${described(await store.countExpired(cutoff))}.\n`);
  if (dryRun) {
    report('This was a dry run: nothing was purged.\n');
    return;
  }
  const purged = await purgeExpired(store, {
    cutoff,
    onProgress: (soFar) => report(`purged ${described(soFar)}\n`),
  });
  report(`Done: ${described(purged)} purged.\n`);
}

const described = ({ sessions, messages, users }: PurgeCounts): string =>
  `${counted(sessions, 'session')}, ${counted(messages, 'message')}, ${counted(users, 'user')}`;
