import { createHash } from 'node:crypto';

/** A stored vector begins with the reciprocal of its norm, as a little-endian 32-bit float. */
const HEADER_BYTES = 4;

/**
 * Quantizes a vector to one signed byte per number, scaled so that the largest becomes 127. A
 * header of four bytes spares `similarity` a square root. The result has a quarter of the size of
 * the floats.
 *
 * Rounding turns a vector v of d numbers by at most asin(r / 254), where r = max|vᵢ| · √d / |v|
 * measures how much its largest number stands out (about 4 for the vectors of embedding models).
 * Because roundings mostly cancel out, the error of cosines is below 0.005 from 256 dimensions on.
 *
 * @param vector finite numbers, of any norm; a zero vector has similarity 0 to every vector
 */
export function quantize(vector: Float32Array): Uint8Array {
  let max = 0;
  for (const entry of vector) max = Math.max(max, Math.abs(entry));
  const stored = new Uint8Array(HEADER_BYTES + vector.length);
  const bytes = new Int8Array(stored.buffer, HEADER_BYTES);
  let squares = 0;
  for (let i = 0; i < vector.length; i++) {
    const byte = max === 0 ? 0 : Math.round(((vector[i] as number) / max) * 127);
    bytes[i] = byte;
    squares += byte * byte;
  }
  new DataView(stored.buffer).setFloat32(0, squares === 0 ? 0 : 1 / Math.sqrt(squares), true);
  return stored;
}

/** The number of dimensions of a stored vector. */
export function dimensionsOf(stored: Uint8Array): number {
  return stored.length - HEADER_BYTES;
}

/** The cosine of two stored vectors, -1 to 1; 0 if their dimensions differ. */
export function similarity(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return 0;
  const x = new Int8Array(a.buffer, a.byteOffset + HEADER_BYTES, dimensionsOf(a));
  const y = new Int8Array(b.buffer, b.byteOffset + HEADER_BYTES, dimensionsOf(b));
  let dot = 0;
  for (let i = 0; i < x.length; i++) dot += (x[i] as number) * (y[i] as number);
  return dot * reciprocalLength(a) * reciprocalLength(b);
}

function reciprocalLength(stored: Uint8Array): number {
  return new DataView(stored.buffer, stored.byteOffset, HEADER_BYTES).getFloat32(0, true);
}

/** A digest that identifies a text. Two texts collide with a probability of 2⁻⁷². */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 12);
}
