import { type Dependencies, purgeCutoff } from './dependencies.ts';

type Retention = Pick<Dependencies, 'purgeAfter' | 'now'>;

type Purging = Retention & Pick<Dependencies, 'store'>;

/** A record that may have been soft-deleted. */
type Deletable = { deleted_at?: string | undefined };

/** Whether a record is past its purge, and as good as gone, though it may be there still. */
export function isPastUndoDeadline(
  { now, purgeAfter }: Retention,
  { deleted_at }: Deletable,
): boolean {
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
export async function retryAfterPurge<T>(
  deps: Purging,
  attempt: () => Promise<T>,
  inTheWay: (outcome: T) => Deletable | undefined,
  makeWay: (cutoff: string) => Promise<void>,
): Promise<T> {
  const outcome = await attempt();
  const found = inTheWay(outcome);
  if (found === undefined || !isPastUndoDeadline(deps, found)) return outcome;
  // Another server may have come that keeps it for longer, and that has promised so.
  await (await deps.store()).agreeRetention();
  if (!isPastUndoDeadline(deps, found)) return outcome;
  await makeWay(purgeCutoff(deps.now(), deps.purgeAfter) as string);
  return attempt();
}
