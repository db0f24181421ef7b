import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime, timestamp } from '../../src/domain/times.ts';

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

describe('a year or a month alone', () => {
  const utc = (text: string, dateIs: 'start' | 'end') => {
    const time = parseTime(text, dateIs);
    return time === undefined ? undefined : timestamp(time);
  };

  it.each([
    ['2019', '2019-01-01T00:00:00.000Z', '2019-12-31T23:59:59.999Z'],
    [' 2020 ', '2020-01-01T00:00:00.000Z', '2020-12-31T23:59:59.999Z'],
    ['9999', '9999-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
    ['0000', '0000-01-01T00:00:00.000Z', '0000-12-31T23:59:59.999Z'],
    ['2020-02', '2020-02-01T00:00:00.000Z', '2020-02-29T23:59:59.999Z'],
    ['9999-12', '9999-12-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z'],
  ])('is the whole of it: %s', (text, start, end) => {
    expect([utc(text, 'start'), utc(text, 'end')]).toEqual([start, end]);
  });

  it.each(['19', '20190', '2019-', '2019-13', '2019-00', '-2019', '2019-1'])(
    'is not %s',
    (text) => {
      expect(parseTime(text)).toBeUndefined();
    },
  );
});
