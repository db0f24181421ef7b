import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceError } from '../../src/app/import/error.ts';
import { cursorPages, numberedPages, type RawRecord } from '../../src/app/import/paging.ts';

const tooMuch = () => new SourceError('refused', 'too much', 400);

/** The records of ids that grow by these steps. */
function recordsOf(steps: readonly number[]): { id: number; key: string }[] {
  let id = 0;
  return steps.map((step) => {
    id += step;
    return { id, key: `record ${id}` };
  });
}

async function all(pages: AsyncGenerator<RawRecord[]>): Promise<RawRecord[]> {
  const found: RawRecord[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

const lists = fc
  .array(fc.integer({ min: 1, max: 300 }), { maxLength: 700, size: 'max' })
  .map(recordsOf);

describe('a list of numbered pages', () => {
  it('is read whole, in its order, whatever the server sends at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        lists,
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 10 }),
        async (list, cap, countsOwn, limits) => {
          let calls = 0;
          const read = async (page: number, size: number) => {
            expect(Number.isInteger(page)).toBe(true);
            // What is too much changes, as the lengths of messages do; a single one is not.
            if (size > Math.max(1, limits[calls++ % limits.length] ?? 1)) throw tooMuch();
            const start = (page - 1) * (countsOwn ? Math.min(size, cap) : size);
            const records = list.slice(start, start + Math.min(size, cap));
            return { records, total: list.length };
          };
          const events = {
            onTooLong: () => expect.fail(),
            onMissing: () => expect.fail(),
          };
          expect(await all(numberedPages(read, events))).toStrictEqual(list);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a list with a cursor', () => {
  it.each([
    [
      'the id of the last record',
      (list: { id: number }[], cursor: number) => list.filter(({ id }) => id > cursor),
    ],
    ['how many to skip', (list: { id: number }[], cursor: number) => list.slice(cursor)],
  ] as const)('that is %s is read whole, each record once', async (_, behind) => {
    await fc.assert(
      fc.asyncProperty(
        lists,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 200 }),
        async (list, cap, most) => {
          const read = async (limit: number, cursor: number) => {
            if (limit > most) throw tooMuch();
            return behind(list, cursor).slice(0, Math.min(limit, cap)) as RawRecord[];
          };
          expect(await all(cursorPages(read, 'key'))).toStrictEqual(list);
        },
      ),
    );
  });
});
