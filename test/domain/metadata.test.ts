import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identifier } from '../../src/domain/identifiers.ts';
import {
  type JsonObject,
  METADATA_MAX_BYTES,
  METADATA_MAX_DEPTH,
  mergePatch,
  metadataProblem,
} from '../../src/domain/metadata.ts';
import { awkwardObject } from '../support/arbitraries.ts';

const nested = (levels: number) =>
  JSON.parse(`${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`) as JsonObject;

describe('mergePatch', () => {
  it('changes nothing the second time, whatever it is applied to', () => {
    fc.assert(
      fc.property(awkwardObject, awkwardObject, (target, patch) => {
        const once = mergePatch(target, patch);
        expect(isDeepStrictEqual(mergePatch(once, patch), once)).toBe(true);
      }),
    );
  });

  it('changes neither of its arguments', () => {
    fc.assert(
      fc.property(awkwardObject, awkwardObject, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        mergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });
});

describe('metadata is refused', () => {
  it.each<[string, unknown, RegExp]>([
    ['that is no object', [], /must be a JSON object/],
    ['that is null', null, /must be a JSON object/],
    ['with a NUL in a key', { a: { 'b\0': 1 } }, /NUL/],
    ['with a lone surrogate in a key', { 'a\uD800': 1 }, /lone surrogate/],
    ['with a lone surrogate in a text', { a: ['\uDC00'] }, /lone surrogate/],
    ['that is too large', { a: 'x'.repeat(METADATA_MAX_BYTES) }, /262152 bytes.*262144/],
    ['that nests too deep', nested(METADATA_MAX_DEPTH + 1), /deeper than 64/],
    ['that nests so deep that recursion would overflow', nested(100_000), /deeper than 64/],
  ])('%s', (_, value, problem) => {
    expect(metadataProblem(value)).toMatch(problem);
  });

  it('at no smaller size and no smaller depth', () => {
    expect(metadataProblem({ a: 'x'.repeat(METADATA_MAX_BYTES - 8) })).toBeUndefined();
    expect(metadataProblem(nested(METADATA_MAX_DEPTH))).toBeUndefined();
  });
});

describe('to look at metadata', () => {
  /** The best of ten, in milliseconds: that of the work, whatever else the machine does. */
  function time(work: () => unknown): number {
    const times = Array.from({ length: 10 }, () => {
      const begun = performance.now();
      work();
      return performance.now() - begun;
    });
    return Math.min(...times);
  }

  it('takes about the time that it takes to write it as JSON, however many numbers it has', () => {
    const numbers = { a: Array<number>(METADATA_MAX_BYTES / 2 - 10).fill(1) };
    expect(metadataProblem(numbers)).toBeUndefined();
    // Measured: 1.2 times as long; 18 to 30 times, where each number is taken for an entry of its own.
    expect(time(() => metadataProblem(numbers)) / time(() => JSON.stringify(numbers))).toBeLessThan(
      8,
    );
  });
});

describe('identifiers', () => {
  const schema = identifier('an identifier');

  it('are any visible, well-formed text of 1 to 1,024 bytes without white space at its ends', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat(0xffff).map((c) => String.fromCharCode(c)) }),
        (text) => {
          const bytes = Buffer.byteLength(text);
          const allowed =
            bytes >= 1 &&
            bytes <= 1024 &&
            text === text.trim() &&
            !/[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text) &&
            Buffer.from(text).toString() === text;
          expect(schema.safeParse(text).success).toBe(allowed);
        },
      ),
    );
  });

  it('are measured in bytes, and the refusal names the limit and the size', () => {
    expect(schema.safeParse('é'.repeat(512)).success).toBe(true);
    const refused = schema.safeParse('é'.repeat(513));
    expect(refused.error?.issues[0]?.message).toMatch(/1026 bytes.*1024/);
  });
});
