import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SeqRange } from '../../src/domain/positions.ts';
import { QUESTION_TERM, termsOf } from '../../src/search/analyzer.ts';
import { type Candidate, rank } from '../../src/search/bm25.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const DAY = 86_400_000;

/** Ranks the messages of one session for some terms, and names them by their places in it. */
function order(
  contents: string[],
  terms: string[],
  ages: number[] = [],
  { question = '', roles = [] }: { question?: string; roles?: string[] } = {},
): number[] {
  const wanted = new Set([...terms, QUESTION_TERM]);
  const candidates = contents
    .map((content, i): Candidate => {
      const all = termsOf({ role: 'user', content });
      return {
        ...{ session_id: 's', session_uuid: 't', seq: i + 1, length: all.length },
        role: roles[i] ?? 'user',
        created_at: NOW - (ages[i] ?? 0) * DAY,
        matched: all.filter((term) => wanted.has(term)),
      };
    })
    .filter(({ matched }) => matched.some((term) => terms.includes(term)));
  const frequency = new Map(
    terms.map((term) => [term, candidates.filter(({ matched }) => matched.includes(term)).length]),
  );
  const ranges = new Map([['t', { first_seq: 1, last_seq: contents.length }]]);
  const collection = { messages: contents.length, frequency, ranges };
  const query = { terms, question, now: NOW, neighbours: true };
  return rank(candidates, collection, query).map(({ place }) => place.seq);
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

  it('counts words that only ask for less: "what kind of", "how many times"', () => {
    const contents = ['that kind', ...FILLER, 'the plum', ...FILLER];
    expect(order(contents, ['kind', 'plum'])[0]).toBe(12);
  });

  it('puts what the speaker says first whom the question asks about', () => {
    const said = [...FILLER, 'I like red', ...FILLER, 'I like red', ...FILLER];
    const roles = said.map((_, i) => (i < 15 ? 'user' : 'assistant'));
    const asking = (question: string) => order(said, ['red'], [], { question, roles })[0];
    expect(asking('Did I say red?')).toBe(11);
    expect(asking('Did you say red?')).toBe(22);
  });

  it('puts what is from the time first that the question names', () => {
    const said = [...FILLER, 'I like red', ...FILLER, 'I like red', ...FILLER];
    const ages = said.map((_, i) => (i < 15 ? 100 : 10));
    const asking = (question: string) => order(said, ['red'], ages, { question })[0];
    expect(asking('red in September 2025')).toBe(11);
    expect(asking('red in December 2025')).toBe(22);
  });

  it('has every candidate once, by falling finite scores, in whatever order they come', () => {
    const candidate = fc.record({
      session_id: fc.constantFrom('a', 'b'),
      seq: fc.integer({ min: 1, max: 30 }),
      matched: fc.array(fc.constantFrom('x', 'y', QUESTION_TERM, '?by:ada', '?to:ben'), {
        maxLength: 5,
      }),
      role: fc.constantFrom('user', 'assistant', 'Ada', 'ben', ''),
      length: fc.integer({ min: 0, max: 100 }),
      created_at: fc.integer({ min: 0, max: 2 * NOW }),
    });
    const extent: SeqRange = { first_seq: 1, last_seq: 30 };
    fc.assert(
      fc.property(
        fc.uniqueArray(candidate, { selector: ({ session_id, seq }) => `${session_id}${seq}` }),
        fc.integer({ min: 0, max: 100 }),
        fc.constantFrom('', 'What did Ada say in May 2023?', 'What did I say to Ben last week?'),
        (some, messages, question) => {
          const candidates = some.map((one) => ({ ...one, session_uuid: one.session_id }));
          const ranges = new Map([
            ['a', extent],
            ['b', extent],
          ]);
          const frequency = new Map([['x', candidates.length]]);
          const terms = ['x', 'y'];
          const query = { terms, question, now: NOW, neighbours: true };
          const rankAll = (those: Candidate[]) =>
            rank(those, { messages, frequency, ranges }, query);
          const ranked = rankAll(candidates);
          expect(rankAll(candidates.toReversed())).toStrictEqual(ranked);
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
