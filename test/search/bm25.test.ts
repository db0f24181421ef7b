import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeqRange } from '../../src/domain/positions.ts';
import { QUESTION_TERM, termsOf } from '../../src/search/analyzer.ts';
import { type Candidate, rank } from '../../src/search/bm25.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const DAY = 86_400_000;

/** Ranks the messages of one session for some terms, and names them by their places in it. */
function order(contents: string[], terms: string[], ages: number[] = []): number[] {
  const wanted = new Set([...terms, QUESTION_TERM]);
  const candidates = contents
    .map((content, i): Candidate => {
      const all = termsOf({ role: 'user', content });
      return {
        ...{ session_id: 's', session_uuid: 't', seq: i + 1, role: 'user', length: all.length },
        created_at: NOW - (ages[i] ?? 0) * DAY,
        matched: all.filter((term) => wanted.has(term)),
      };
    })
    .filter(({ matched }) => matched.some((term) => terms.includes(term)));
  const frequency = new Map(
    terms.map((term) => [term, candidates.filter(({ matched }) => matched.includes(term)).length]),
  );
  const ranges = new Map([['t', { first_seq: 1, last_seq: contents.length }]]);
  const statistics = { messages: contents.length, frequency };
  return rank(candidates, terms, statistics, ranges, NOW).map(({ place }) => place.seq);
}

const FILLER = Array.from({ length: 10 }, (_, i) => `filler number ${i} goes here`);

describe('the ranking', () => {
  it('puts a rare word before a usual one', () => {
    const contents = ['red apples', ...FILLER, 'red pears', ...FILLER, 'red plums', ...FILLER];
    contents.push('blue plums once');
    expect(order(contents, ['red', 'blue'])[0]).toBe(contents.length);
  });

  it('puts a message with both words before one with either', () => {
    const contents = ['red things', ...FILLER, 'red plum', ...FILLER, 'plum things'];
    expect(order(contents, ['red', 'plum'])[0]).toBe(12);
  });

  it('takes what is said next to a message for a part of it', () => {
    const contents = ['red', ...FILLER, 'plum', 'and so on', ...FILLER, 'plum', 'red'];
    expect(
      order(contents, ['red', 'plum'])
        .slice(0, 2)
        .toSorted((a, b) => a - b),
    ).toStrictEqual([24, 25]);
  });

  it('ranks the neighbours of a match too, behind it', () => {
    const contents = [...FILLER, 'the red plum of the tree', ...FILLER];
    const [first, ...rest] = order(contents, ['red']);
    expect(first).toBe(11);
    expect(rest.toSorted((a, b) => a - b)).toStrictEqual([10, 12]);
  });

  it('puts an answer before its question', () => {
    const contents = [...FILLER, 'Where is the red plum?', 'The red plum is here', ...FILLER];
    expect(order(contents, ['red', 'plum']).slice(0, 2)).toStrictEqual([12, 11]);
  });

  it('puts the newer of two that say the same first', () => {
    const contents = ['red', ...FILLER, 'red'];
    expect(order(contents, ['red'], [...Array<number>(11).fill(100), 0])[0]).toBe(12);
    expect(order(contents, ['red'], [0, ...Array<number>(11).fill(100)])[0]).toBe(1);
  });

  it('does not reach over the end of a session', () => {
    expect(order(['red'], ['red'])).toStrictEqual([1]);
  });

  it('has every candidate once, by falling finite scores, whatever they are', () => {
    const candidate = fc.record({
      session_id: fc.constantFrom('a', 'b'),
      seq: fc.integer({ min: 1, max: 30 }),
      matched: fc.array(fc.constantFrom('x', 'y', QUESTION_TERM), { maxLength: 5 }),
      length: fc.integer({ min: 0, max: 100 }),
      created_at: fc.integer({ min: 0, max: 2 * NOW }),
    });
    const extent: SeqRange = { first_seq: 1, last_seq: 30 };
    fc.assert(
      fc.property(
        fc.uniqueArray(candidate, { selector: ({ session_id, seq }) => `${session_id}${seq}` }),
        fc.integer({ min: 0, max: 100 }),
        (some, messages) => {
          const candidates = some.map((one) => ({
            ...one,
            session_uuid: one.session_id,
            role: 'user',
          }));
          const ranges = new Map([
            ['a', extent],
            ['b', extent],
          ]);
          const frequency = new Map([['x', candidates.length]]);
          const terms = ['x', 'y'];
          const ranked = rank(candidates, terms, { messages, frequency }, ranges, NOW);
          const places = ranked.map(({ place }) => `${place.session_uuid}${place.seq}`);
          expect(new Set(places).size).toBe(places.length);
          for (const { session_uuid, seq } of candidates)
            expect(places).toContain(`${session_uuid}${seq}`);
          ranked.forEach(({ score, place }, i) => {
            expect(Number.isFinite(score)).toBe(true);
            expect(score).toBeLessThanOrEqual(ranked[i - 1]?.score ?? score);
            expect(place.seq >= 1 && place.seq <= 30).toBe(true);
          });
        },
      ),
    );
  });
});
