import { timestamp } from '../domain/times.ts';
import type { Dependencies } from './dependencies.ts';

type Retention = Pick<Dependencies, 'purgeAfter' | 'now'>;

/** A record that may have been soft-deleted. */
type Deletable = { deleted_at?: string | undefined };

/**
 * The time until which a deletion can be undone. The record is purged then.
 *
 * @param deletedAt RFC 3339
 * @param purgeAfter milliseconds, or `undefined` if deleted records are kept for ever
 * @returns RFC 3339, or `undefined` if there is no deadline
 */
export function undoDeadline(deletedAt: string, purgeAfter: number | undefined) {
  return purgeAfter === undefined ? undefined : timestamp(Date.parse(deletedAt) + purgeAfter);
}

/**
 * The latest deletion time whose undo deadline has passed. Such records may still be stored,
 * because the purge runs only at intervals.
 *
 * @param now milliseconds since 1970
 * @returns RFC 3339, or `undefined` if deleted records are kept for ever
 */
export function purgeCutoff(now: number, purgeAfter: number | undefined): string | undefined {
  return purgeAfter === undefined ? undefined : timestamp(now - purgeAfter);
}

/**
 * Whether the undo deadline of a record has passed. The record then counts as purged, even if it is
 * still stored.
 */
export function isPastUndoDeadline(
  { now, purgeAfter }: Retention,
  { deleted_at }: Deletable,
): boolean {
  const cutoff = purgeCutoff(now(), purgeAfter);
  return deleted_at !== undefined && cutoff !== undefined && deleted_at <= cutoff;
}

/**
 * Retries an attempt that was blocked by a record whose undo deadline has passed, after purging
 * that record.
 *
 * @param outcome the outcome of the first attempt
 * @param obstacle returns the record that blocked an attempt, if one did
 * @param purge purges that record if it was soft-deleted at or before `cutoff`
 * @returns the outcome of the last attempt
 * @throws whatever `attempt` or `purge` throws
 */
export async function retryAfterPurge<T>(
  deps: Retention & Pick<Dependencies, 'store'>,
  outcome: T,
  obstacle: (outcome: T) => Deletable | undefined,
  purge: (cutoff: string) => Promise<void>,
  attempt: () => Promise<T>,
): Promise<T> {
  const found = obstacle(outcome);
  if (found === undefined || !isPastUndoDeadline(deps, found)) return outcome;
  // A server that started meanwhile may keep deleted records for longer, and may have announced
  // that.
  await (await deps.store()).agreeRetention();
  if (!isPastUndoDeadline(deps, found)) return outcome;
  await purge(purgeCutoff(deps.now(), deps.purgeAfter) as string);
  return attempt();
}
