import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timestamp } from '../../src/domain/times.ts';

describe('a time as text', () => {
  it('is what Date makes of it, whatever came before', () => {
    const time = fc.oneof(
      fc.integer({ min: -8.64e15, max: 8.64e15 }),
      fc.integer({ min: 0, max: 3 * 86_400_000 }),
      fc.constantFrom(0, -1, 86_399_999, 86_400_000, -86_400_000, 8.64e15, -8.64e15),
    );
    fc.assert(
      fc.property(time, (milliseconds) => {
        expect(timestamp(milliseconds)).toBe(new Date(milliseconds).toISOString());
      }),
      { numRuns: 2000 },
    );
  });
});
