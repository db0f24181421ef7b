/**
 * The delay before the next attempt, in milliseconds: random between 0 and a bound that doubles
 * with every failure ("full jitter"), so that processes that failed together do not retry together.
 *
 * @param failures the number of failed attempts so far, at least 1
 * @param base the bound after the first failure, in milliseconds
 * @param max the largest bound, in milliseconds
 */
export function fullJitter(failures: number, base: number, max: number): number {
  return Math.random() * Math.min(max, base * 2 ** (failures - 1));
}

/**
 * Parses a Retry-After header, in seconds or as a date (RFC 9110 §10.2.3), to milliseconds;
 * `undefined` if it is missing or invalid.
 */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
