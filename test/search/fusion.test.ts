import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diversify, type FusedKey, fuse } from '../../src/search/fusion.ts';

const ranking = fc.uniqueArray(fc.nat(30));
const keys = (ranked: readonly FusedKey<unknown>[]) => ranked.map(({ key }) => key);

describe('fused rankings', () => {
  it('put what both have before what one has at the same places', () => {
    expect(
      keys(
        fuse([
          ['a', 'b', 'c'],
          ['d', 'b', 'e'],
        ]),
      ),
    ).toStrictEqual(['b', 'a', 'd', 'c', 'e']);
  });

  it('score a key by its places, with the constant of the paper', () => {
    const [best] = fuse([['a', 'b'], ['b']]);
    expect(best).toStrictEqual({ key: 'b', score: 1 / 62 + 1 / 61 });
    expect(fuse([['a']], 0)).toStrictEqual([{ key: 'a', score: 1 }]);
  });

  it('name every key once, best first, and the same every time', () => {
    fc.assert(
      fc.property(fc.array(ranking), (rankings) => {
        const fused = fuse(rankings);
        expect(new Set(keys(fused))).toStrictEqual(new Set(rankings.flat()));
        expect(fused).toHaveLength(new Set(rankings.flat()).size);
        expect(fused).toStrictEqual(fused.toSorted((a, b) => b.score - a.score));
        expect(fuse(rankings)).toStrictEqual(fused);
      }),
    );
  });

  it('are the one ranking if there is no other, or only empty ones', () => {
    fc.assert(
      fc.property(ranking, (only) => {
        expect(keys(fuse([only]))).toStrictEqual(only);
        expect(keys(fuse([[], only, []]))).toStrictEqual(only);
      }),
    );
  });

  it('never put a key behind one that is behind it in every ranking', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.infiniteStream(fc.nat()), (size, stream) => {
        const shuffled = () =>
          Array.from({ length: size }, (_, key) => ({ key, at: stream.next().value as number }))
            .toSorted((a, b) => a.at - b.at)
            .map(({ key }) => key);
        const [one, two] = [shuffled(), shuffled()];
        const fused = keys(fuse([one, two])) as number[];
        for (const a of one) {
          for (const b of one) {
            if (one.indexOf(a) < one.indexOf(b) && two.indexOf(a) < two.indexOf(b)) {
              expect(fused.indexOf(a)).toBeLessThan(fused.indexOf(b));
            }
          }
        }
      }),
    );
  });
});

describe('diversified hits', () => {
  /** Ranked entries, and a similarity of any two of them. */
  const input = fc
    .record({
      scores: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
      topics: fc.array(fc.nat(3), { minLength: 20, maxLength: 20 }),
      limit: fc.nat(25),
      lambda: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ scores, topics, ...options }) => ({
      ranked: scores
        .toSorted((a, b) => b - a)
        .map((score, key) => ({ key, score, topic: topics[key] })),
      options,
    }));
  type Entry = { key: number; score: number; topic: number | undefined };
  const sameTopic = (a: Entry, b: Entry) => (a.topic === b.topic ? 1 : 0);

  it('are a permutation of the hits, whose best stays first', () => {
    fc.assert(
      fc.property(input, ({ ranked, options }) => {
        const result = diversify(ranked, sameTopic, options);
        expect(result.toSorted((a, b) => a.key - b.key)).toStrictEqual(ranked);
        if (options.lambda > 0) expect(result[0]).toBe(ranked[0]);
      }),
    );
  });

  it('stand as they stood with a lambda of 1, and beyond the limit', () => {
    fc.assert(
      fc.property(input, ({ ranked, options }) => {
        expect(diversify(ranked, sameTopic, { ...options, lambda: 1 })).toStrictEqual(ranked);
        const rest = diversify(ranked, sameTopic, options).slice(options.limit);
        expect(rest).toStrictEqual(rest.toSorted((a, b) => a.key - b.key));
      }),
    );
  });

  it('begin with one of each topic if novelty is all that counts', () => {
    fc.assert(
      fc.property(input, ({ ranked }) => {
        const result = diversify(ranked, sameTopic, { lambda: 0, limit: ranked.length });
        const topics = new Set(ranked.map(({ topic }) => topic)).size;
        expect(new Set(result.slice(0, topics).map(({ topic }) => topic)).size).toBe(topics);
      }),
    );
  });

  it('put repetitions of the first behind what is new', () => {
    const ranked = [
      { key: 'a', score: 0.9, topic: 1 },
      { key: 'a again', score: 0.89, topic: 1 },
      { key: 'a once more', score: 0.88, topic: 1 },
      { key: 'b', score: 0.5, topic: 2 },
      { key: 'c', score: 0.4, topic: 3 },
    ];
    const same = (a: (typeof ranked)[0], b: (typeof ranked)[0]) => (a.topic === b.topic ? 1 : 0);
    expect(keys(diversify(ranked, same, { lambda: 0.5, limit: 5 }))).toStrictEqual([
      'a',
      'b',
      'c',
      'a again',
      'a once more',
    ]);
  });

  it('take no more than limit times n comparisons', () => {
    fc.assert(
      fc.property(input, ({ ranked, options }) => {
        let comparisons = 0;
        diversify(ranked, (a, b) => ++comparisons && sameTopic(a, b), options);
        expect(comparisons).toBeLessThanOrEqual(options.limit * ranked.length);
      }),
    );
  });
});
