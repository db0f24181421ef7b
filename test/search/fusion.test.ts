import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finish } from '../../src/search/analyzer.ts';
import type { RankedMessage } from '../../src/search/bm25.ts';
import { type ComparedMessage, diversify, fuse } from '../../src/search/fusion.ts';

const placeOf = (session: number, seq: number) => ({
  session_id: `s${session}`,
  session_uuid: `u${session}`,
  seq,
});
const nameOf = ({ place }: Pick<RankedMessage, 'place'>) => `${place.session_uuid}@${place.seq}`;
const fused = (
  words: readonly RankedMessage[],
  compared: readonly ComparedMessage[],
  limit = 1000,
) => finish(fuse(words, compared, limit));

/** Numbers that look random, the same every time, from -1 to 1. */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 31 - 1;
  }
}

/** A chat of twenty subjects, of thirty turns each. Every third turn of one has the word asked for. */
const TURNS = Array.from({ length: 600 }, (_, i) => ({
  place: placeOf(1, i + 1),
  isAbout: Math.floor(i / 30) === 7,
  matches: Math.floor(i / 30) === 7 ? i % 3 === 0 : i % 40 === 0,
}));

const WORDS = TURNS.filter(({ matches, place }) => matches || place.seq % 2 === 0)
  .map(
    ({ place, matches }): RankedMessage => ({
      ...{ place, score: (matches ? 5 : 1) - place.seq / 1000, match: matches ? 1 : 0 },
    }),
  )
  .toSorted((a, b) => b.score - a.score);

describe('a ranking by words, with what messages mean', () => {
  const ranked = fc
    .uniqueArray(fc.record({ session: fc.nat(3), seq: fc.integer({ min: 1, max: 20 }) }), {
      selector: ({ session, seq }) => `${session} ${seq}`,
    })
    .chain((places) =>
      fc
        .array(fc.double({ min: -1, max: 1, noNaN: true }), {
          minLength: places.length,
          maxLength: places.length,
        })
        .map((values) =>
          places.map(({ session, seq }, i) => ({
            place: placeOf(session, seq),
            value: values[i] as number,
          })),
        ),
    );

  it('has every message once, by falling finite scores, and the same every time', () => {
    fc.assert(
      fc.property(ranked, ranked, (some, others) => {
        const words = some.map(({ place, value }) => ({ place, score: value, match: value ** 2 }));
        const compared = others.map(({ place, value }) => ({ place, similarity: value }));
        const result = fused(words, compared);
        const names = result.map(nameOf);
        expect(new Set(names).size).toBe(names.length);
        expect(new Set(names)).toStrictEqual(new Set([...words, ...compared].map(nameOf)));
        result.forEach(({ score }, i) => {
          expect(Number.isFinite(score)).toBe(true);
          expect(score).toBeLessThanOrEqual(result[i - 1]?.score ?? score);
        });
        expect(fused(words, compared.toReversed()).map(nameOf).toSorted()).toStrictEqual(
          names.toSorted(),
        );
        expect(fused(words, compared)).toStrictEqual(result);
      }),
    );
  });

  it('stays as it is without comparisons, or if all similarities are the same', () => {
    expect(fused(WORDS, [])).toStrictEqual(WORDS);
    const same = WORDS.map(({ place }) => ({ place, similarity: 0.7 }));
    expect(fused(WORDS, same)).toStrictEqual(WORDS);
  });

  it('puts what means the same before what only has a word of it', () => {
    const random = noise(1);
    const similar = TURNS.map(({ place, isAbout }) => ({
      place,
      similarity: (isAbout ? 0.6 : 0.2) + 0.1 * random.next().value,
    }));
    const best = fused(WORDS, similar).slice(0, 10);
    for (const { place } of best) expect(TURNS[place.seq - 1]).toMatchObject({ isAbout: true });
  });

  it('does not depend on the range of a model’s similarities', () => {
    const random = noise(2);
    const similar = TURNS.map(({ place, isAbout }) => ({
      place,
      similarity: (isAbout ? 0.6 : 0.2) + 0.1 * random.next().value,
    }));
    const high = similar.map(({ place, similarity }) => ({
      place,
      similarity: 0.8 + similarity / 8,
    }));
    expect(fused(WORDS, high).map(nameOf)).toStrictEqual(fused(WORDS, similar).map(nameOf));
  });

  it('hardly ever changes for an endpoint whose similarities are noise', () => {
    const best = (ranked: readonly RankedMessage[]) => ranked.slice(0, 10).map(nameOf);
    const changed = Array.from({ length: 50 }, (_, seed) => {
      const random = noise(seed + 1);
      const useless = TURNS.map(({ place }) => ({ place, similarity: random.next().value }));
      return best(fused(WORDS, useless)).join() !== best(WORDS).join();
    });
    expect(changed.filter(Boolean).length).toBeLessThanOrEqual(2);
  });

  it('is the most similar first, where no word matches, up to a limit', () => {
    const compared = [0.1, 0.9, 0.3, 0.2].map((similarity, i) => ({
      place: placeOf(i, 1),
      similarity,
    }));
    expect(fused([], compared, 3).map(nameOf)).toStrictEqual(['u1@1', 'u2@1', 'u3@1']);
  });

  it('takes the turns around a message for a part of what it means', () => {
    const similar = new Map<number, number>([
      ...([
        [19, 0.8],
        [20, 0.5],
        [21, 0.8],
        [60, 0.5],
      ] as const),
    ]);
    const compared = TURNS.map(({ place }) => ({ place, similarity: similar.get(place.seq) ?? 0 }));
    const names = fused([], compared).map(nameOf);
    expect(names.indexOf('u1@20')).toBeLessThan(names.indexOf('u1@60'));
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
    expect(diversify(ranked, same, { lambda: 0.5, limit: 5 }).map(({ key }) => key)).toStrictEqual([
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
