import { ServiceError } from '../errors.ts';

/** Since when a fact holds, and until when; RFC 3339. */
export interface FactTimes {
  valid_at?: string | undefined;
  invalid_at?: string | undefined;
}

/** Whether a fact would end before it begins. */
export const isReversed = (times: FactTimes): times is { valid_at: string; invalid_at: string } =>
  times.valid_at !== undefined &&
  times.invalid_at !== undefined &&
  times.valid_at > times.invalid_at;

/**
 * Makes sure that a fact does not end before it begins.
 *
 * @param index its place in the call, if that has several
 * @throws ServiceError INVALID_ARGUMENT if it would
 */
export function assertTimes(times: FactTimes, index?: number): void {
  if (!isReversed(times)) return;
  const { valid_at, invalid_at } = times;
  const place = index === undefined ? {} : { index };
  throw new ServiceError({ kind: 'fact_times_reversed', ...place, valid_at, invalid_at });
}

/** Whether a fact holds at a time. */
export const holdsAt = ({ valid_at, invalid_at }: FactTimes, time: string): boolean =>
  (valid_at === undefined || valid_at <= time) && (invalid_at === undefined || time < invalid_at);

/** Whether the times at which two facts hold have an instant in common. */
export function overlaps(a: FactTimes, b: FactTimes): boolean {
  const begins = (one: FactTimes) => one.valid_at ?? '';
  const ends = (one: FactTimes) => one.invalid_at ?? '\uffff';
  return begins(a) < ends(b) && begins(b) < ends(a);
}
