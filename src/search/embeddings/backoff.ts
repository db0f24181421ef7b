/**
 * How long to wait before the next try: anything up to a bound that doubles with every failure ("full
 * jitter"), so that processes which failed together do not come back together.
 *
 * @param failures how many tries have failed so far, at least 1
 * @param base the bound after the first failure, in milliseconds
 * @param max what the bound never exceeds, in milliseconds
 */
export function fullJitter(failures: number, base: number, max: number): number {
  return Math.random() * Math.min(max, base * 2 ** (failures - 1));
}

/**
 * The milliseconds that a Retry-After header asks for, in seconds or as a date (RFC 9110 §10.2.3), or
 * undefined if there is none that can be read.
 */
export function retryAfter(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
