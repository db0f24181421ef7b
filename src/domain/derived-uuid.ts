import { createHash } from 'node:crypto';

/** A UUID version 8 (RFC 9562 §5.8) that is always the same for the same values. */
export function derivedUuid(...values: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 32);
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    ...[hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`],
    ...[`${variant}${hex.slice(17, 20)}`, hex.slice(20)],
  ].join('-');
}
