import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dimensionsOf, quantize, similarity } from '../../src/search/vectors.ts';

const length = (v: Float32Array) => Math.hypot(...v);

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, entry, i) => sum + entry * (b[i] as number), 0);
  return dot / (length(a) * length(b));
}

/** How far quantising may turn a vector, in radians: half a step in every dimension. */
function worstTurn(v: Float32Array): number {
  const max = v.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  const sine = (max * Math.sqrt(v.length)) / length(v) / 254;
  return sine < 1 ? Math.asin(sine) : Math.PI;
}

const entry = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
const pairOfAny = fc.integer({ min: 1, max: 64 }).chain((dimensions) => {
  const vector = fc
    .array(entry, { minLength: dimensions, maxLength: dimensions })
    .map((entries) => Float32Array.from(entries))
    .filter((v) => length(v) > 1e-3);
  return fc.tuple(vector, vector);
});

/** Two vectors like those of models: normally distributed numbers, and something in common. */
const pairLikeReal = fc
  .record({
    dimensions: fc.constantFrom(256, 384, 768, 1024, 1536),
    seed: fc.integer(),
    common: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ dimensions, seed, common }) => {
    const normal = normals(seed);
    const vector = () => Float32Array.from({ length: dimensions }, normal);
    const [a, other] = [vector(), vector()];
    return [a, a.map((x, i) => common * x + (1 - common) * (other[i] as number))] as const;
  });

/** Normally distributed numbers (Box and Muller) out of mulberry32. */
function normals(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const kept = (a: Float32Array, b: Float32Array) => similarity(quantize(a), quantize(b));

describe('the similarity of stored vectors', () => {
  it('is their cosine to within 0.005 for vectors like those of models', () => {
    fc.assert(
      fc.property(pairLikeReal, ([a, b]) => Math.abs(kept(a, b) - cosine(a, b)) < 0.005),
      { numRuns: 300 },
    );
  });

  it('is never further off than rounding can turn them', () => {
    fc.assert(
      fc.property(
        pairOfAny,
        ([a, b]) => Math.abs(kept(a, b) - cosine(a, b)) <= worstTurn(a) + worstTurn(b) + 1e-6,
      ),
      { numRuns: 1000 },
    );
  });

  it('is 1 with itself and -1 with the opposite, at any length', () => {
    fc.assert(
      fc.property(pairOfAny, fc.constantFrom(0.001, 1, 1000), ([a], factor) => {
        expect(
          kept(
            a,
            a.map((x) => x * factor),
          ),
        ).toBeCloseTo(1, 2);
        expect(
          kept(
            a,
            a.map((x) => -x),
          ),
        ).toBeCloseTo(-1, 5);
      }),
    );
  });

  it('is the same either way round', () => {
    fc.assert(fc.property(pairOfAny, ([a, b]) => kept(a, b) === kept(b, a)));
  });

  it('is 0 between vectors of different dimensions, and with a vector of zeros', () => {
    const a = Float32Array.of(1, 2, 3);
    expect(kept(a, Float32Array.of(1, 2))).toBe(0);
    expect(kept(a, Float32Array.of(0, 0, 0))).toBe(0);
  });

  it('can be told of vectors that a database hands out at odd offsets', () => {
    const a = quantize(Float32Array.of(1, 2, 3));
    const page = Buffer.concat([Buffer.of(9), a, Buffer.of(9)]);
    expect(similarity(page.subarray(1, 1 + a.length), a)).toBeCloseTo(1, 6);
  });
});

describe('a stored vector', () => {
  it('takes a byte per dimension and four more', () => {
    const stored = quantize(new Float32Array(1536).fill(0.1));
    expect(stored).toHaveLength(1540);
    expect(dimensionsOf(stored)).toBe(1536);
  });
});
