import type { Config } from '../../config/index.ts';
import { durationText } from '../../config/setting.ts';
import { purgeExpired } from '../../services/purge.ts';
import { purgeCutoff } from '../../services/undo-deadline.ts';
import type { PurgeCounts, Store } from '../../store/port.ts';

/**
 * Purges what is past its time, now.
 *
 * @param report takes what a person is to read, a line at a time
 */
export async function purgeNow(
  store: Store,
  { purgeAfter, dryRun }: Pick<Config, 'purgeAfter' | 'dryRun'>,
  report: (text: string) => void,
): Promise<void> {
  const kept = await store.agreeRetention();
  const inForce = durationText(kept);
  if (kept !== purgeAfter) {
    report(
      `PURGE_AFTER is ${durationText(purgeAfter)} here, but ${inForce} at a server that uses the same database: ${inForce} holds. To purge sooner, give every server the shorter time and restart it.\n`,
    );
  }
  const cutoff = purgeCutoff(Date.now(), kept);
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

function described({ sessions, messages, users }: PurgeCounts): string {
  const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  return `${counted(sessions, 'session')}, ${counted(messages, 'message')}, ${counted(users, 'user')}`;
}
