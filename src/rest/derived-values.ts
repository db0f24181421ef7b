import { createHash } from 'node:crypto';

/**
 * The number that the clients of the first generation know a session or user by: the last 52 bits of its
 * uuid, which are random. It never changes, and needs no place in the store.
 */
export function integerId(uuid: string): number {
  return Number.parseInt(uuid.replaceAll('-', '').slice(-13), 16);
}

/** A UUID version 8 (RFC 9562 §5.8) that is always the same for the same values. */
export function derivedUuid(...values: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 32);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    ...[hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`],
    ...[`${variant}${hex.slice(17, 20)}`, hex.slice(20)],
  ].join('-');
}
