import { type Dependencies, purgeCutoff } from './services.ts';

type Retention = Pick<Dependencies, 'purgeAfter' | 'now'>;

/** A record that may have been soft-deleted. */
type Deletable = { deleted_at?: string | undefined };

/** Whether a record is past its purge, and as good as gone, though it may be there still. */
export function isPast({ now, purgeAfter }: Retention, { deleted_at }: Deletable): boolean {
  const cutoff = purgeCutoff(now(), purgeAfter);
  return deleted_at !== undefined && cutoff !== undefined && deleted_at <= cutoff;
}

/**
 * Makes an attempt, and once more if what stood in its way was past its purge.
 *
 * @param inTheWay the record that kept an attempt from being applied, if one did
 * @param makeWay purges that record, if it was soft-deleted at or before `cutoff`
 * @returns what the last attempt came to
 * @throws what `attempt` or `makeWay` throws
 */
export async function overPast<T>(
  retention: Retention,
  attempt: () => Promise<T>,
  inTheWay: (outcome: T) => Deletable | undefined,
  makeWay: (cutoff: string) => Promise<void>,
): Promise<T> {
  const outcome = await attempt();
  const found = inTheWay(outcome);
  if (found === undefined || !isPast(retention, found)) return outcome;
  await makeWay(purgeCutoff(retention.now(), retention.purgeAfter) as string);
  return attempt();
}
