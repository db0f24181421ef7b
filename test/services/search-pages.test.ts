import { beforeEach, expect, it } from 'vitest';
import type { SearchResult } from '../../src/services/search/index.ts';
import type { SearchInput } from '../../src/services/search/results.ts';
import type { Store } from '../../src/store/port.ts';
import { createServices } from '../support/stores.ts';
import { describeServices } from './describe-services.ts';

/** A store that counts the reads of messages by position. */
function counting(store: Store): { store: Store; reads: number[] } {
  const reads: number[] = [];
  return {
    reads,
    store: {
      ...store,
      search: {
        ...store.search,
        findByPosition(...args) {
          reads.push(args[1].length);
          return store.search.findByPosition(...args);
        },
      },
    },
  };
}

describeServices('a page of search hits', (at) => {
  let reads: number[];
  let search: (input: SearchInput) => Promise<SearchResult>;
  beforeEach(() => {
    const counted = counting(at.store);
    reads = counted.reads;
    const services = createServices(counted.store);
    search = (input) => services.search.search(at.caller, input);
  });

  const add = (session_id: string, contents: readonly string[], metadata = {}) =>
    at.memory.add(
      at.caller,
      session_id,
      contents.map((content) => ({ role: 'user', content, metadata })),
    );

  const keyOf = ({ message: { session_id, seq } }: SearchResult['hits'][number]) =>
    `${session_id} ${seq}`;

  /** All pages of a search. */
  async function pages(input: SearchInput): Promise<SearchResult[]> {
    const all: SearchResult[] = [];
    let cursor: string | undefined;
    do {
      const page = await search({ ...input, cursor });
      all.push(page);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return all;
  }

  /** 100 messages with the word `fox`, each among `distance` others on both sides. */
  const addHits = async (distance: number) => {
    const others = Array.from({ length: distance }, (_, i) => `other ${i}`);
    const around = Array.from({ length: 25 }, (_, i) => [...others, `fox ${i}`, ...others]);
    for (const session of ['a', 'b', 'c', 'd']) await add(session, around.flat());
  };

  it('is read with one call of the store', async () => {
    await addHits(0);
    expect((await search({ query: 'fox', limit: 100 })).hits).toHaveLength(100);
    expect(reads).toStrictEqual([100]);
  });

  it('is read with two calls of the store, however many hits have neighbours', async () => {
    await addHits(5);
    const { hits, next_cursor } = await search({ query: 'fox', limit: 100, neighbours: 5 });
    // As many as fit: each shows ten neighbours.
    expect(hits.length).toBeGreaterThan(50);
    expect(next_cursor).toBeDefined();
    for (const { before = [], message, after = [] } of hits) {
      expect([before.length, after.length]).toStrictEqual([5, 5]);
      const shown = [...before, message, ...after].map(({ seq }) => seq);
      expect(shown).toStrictEqual(shown.map((_, i) => message.seq - 5 + i));
    }
    expect(reads).toStrictEqual([100, expect.any(Number)]);
    expect(reads[1]).toBeLessThanOrEqual(1000);
  });

  it('reads a neighbour of several hits once, and no neighbour that does not exist', async () => {
    await add('s', ['fox', 'fox', 'fox', 'fox']);
    const { hits } = await search({ query: 'fox', limit: 100, neighbours: 2 });
    expect(reads).toStrictEqual([4, 4]);
    const around = hits.map(({ before = [], message, after = [] }) => [
      before.map(({ seq }) => seq),
      message.seq,
      after.map(({ seq }) => seq),
    ]);
    expect(around.toSorted((a, b) => Number(a[1]) - Number(b[1]))).toStrictEqual([
      [[], 1, [2, 3]],
      [[1], 2, [3, 4]],
      [[1, 2], 3, [4]],
      [[2, 3], 4, []],
    ]);
  });

  it('is read with more calls only as far as messages do not match the filters', async () => {
    await add(
      's',
      Array.from({ length: 60 }, (_, i) => `fox ${i}`),
    );
    await add(
      't',
      Array.from({ length: 60 }, (_, i) => `fox ${i}`),
      { wanted: true },
    );
    const found = await pages({ query: 'fox', limit: 50, metadata: { wanted: true } });
    expect(found.flatMap(({ hits }) => hits)).toHaveLength(60);
    expect(reads.reduce((a, b) => a + b)).toBeLessThanOrEqual(120 + 50);
  });

  it('ends early where contents are long, and the next goes on right there', async () => {
    // A hit shows 4 kB of these, and a page has 90 kB.
    const contents = Array.from({ length: 60 }, (_, i) => `fox ${i} ${'and so on '.repeat(1000)}`);
    await add('s', contents);
    const found = await pages({ query: 'fox', limit: 50 });
    expect(found.length).toBeGreaterThan(2);
    for (const { hits } of found) {
      expect(hits.length).toBeLessThan(50);
      expect(Buffer.byteLength(JSON.stringify(hits))).toBeLessThanOrEqual(90_000);
    }
    for (const { hits } of found.slice(0, -1)) expect(hits.length).toBeGreaterThan(10);
    const keys = found.flatMap(({ hits }) => hits.map(keyOf));
    expect(new Set(keys).size).toBe(60);
    expect(keys).toHaveLength(60);
    const scores = found.flatMap(({ hits }) => hits.map(({ score }) => score));
    expect(scores).toStrictEqual(scores.toSorted((a, b) => b - a));
  });

  it('ends early where neighbours are long, and nothing is left out or repeated', async () => {
    const long = 'and so on '.repeat(300);
    const contents = Array.from({ length: 40 }, (_, i) => [`fox ${i}`, long, long, long]);
    await add('s', contents.flat());
    const all = (await pages({ query: 'fox', limit: 50 })).flatMap(({ hits }) => hits.map(keyOf));
    const found = await pages({ query: 'fox', limit: 50, neighbours: 3 });
    for (const { hits } of found.slice(0, -1)) expect(hits.length).toBeLessThan(50);
    const keys = found.flatMap(({ hits }) => hits.map(keyOf));
    expect(new Set(all).size).toBeGreaterThanOrEqual(40);
    expect(keys).toStrictEqual(all);
    for (const { hits } of found) {
      expect(Buffer.byteLength(JSON.stringify(hits))).toBeLessThanOrEqual(90_000);
    }
  });

  it('has one hit at least, however much one hit shows', async () => {
    const metadata = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [i, 'x'.repeat(1000)]));
    const long = '\u0001'.repeat(5000);
    await add(
      's',
      Array.from({ length: 41 }, (_, i) => (i === 20 ? `fox ${long}` : long)),
      metadata,
    );
    const { hits } = await search({ query: 'fox', limit: 5, neighbours: 20 });
    expect(hits.map(keyOf)).toStrictEqual(['s 21']);
    expect(Buffer.byteLength(JSON.stringify(hits))).toBeGreaterThan(90_000);
  });
});
