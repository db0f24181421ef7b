import { beforeEach, describe, expect, it } from 'vitest';
import { searchAdvice } from '../../src/mcp/answer/search-advice.ts';
import type { SearchInput } from '../../src/services/search/results.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

/** What a search reaches, however many messages have its words. */
describeStores('a search', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `reaching-${number++}` };
    at = harness(under.store);
  });

  const said = (content: string, more: object = {}) => ({ role: 'user', content, ...more });
  const add = (session_id: string, ...messages: ReturnType<typeof said>[]) =>
    at.memory.add(caller, session_id, messages);
  const search = async (input: SearchInput) => {
    const result = await at.search.search(caller, input);
    const contents = result.hits.map(({ message }) => message.content);
    return { ...result, contents };
  };

  /** The hits of all pages, in their order. */
  async function everything(input: SearchInput): Promise<string[]> {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await search({ ...input, limit: 100, cursor });
      found.push(...page.hits.map(({ message }) => `${message.session_id} ${message.seq}`));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return found;
  }

  it('reaches all messages of one time, each once', async () => {
    const rows = Array.from({ length: 999 }, (_, i) => said(`invoice row ${i}`));
    await add('s', said('invoice sent to Berlin'), ...rows);
    const found = await everything({ query: 'invoice' });
    expect(new Set(found).size).toBe(1000);
    expect(found).toHaveLength(1000);
    expect((await search({ query: 'invoice Berlin' })).contents[0]).toBe('invoice sent to Berlin');
  });

  it('reaches all messages with several frequent words, of many sessions and times', async () => {
    for (let session = 0; session < 4; session++) {
      const messages = Array.from({ length: 300 }, (_, i) =>
        said(`${i % 2 === 0 ? 'kettle' : 'teapot'} ${i % 3 === 0 ? 'kettle teapot' : 'cup'}`, {
          created_at: new Date(Date.UTC(2024, 0, 1 + (i % 40))).toISOString(),
        }),
      );
      await add(`s${session}`, ...messages);
    }
    for (const query of ['kettle', 'kettle teapot', 'cup kettle teapot']) {
      const found = await everything({ query });
      expect(new Set(found).size).toBe(found.length);
      if (query !== 'kettle') expect(found).toHaveLength(1200);
    }
  });

  it('goes on with the same messages, whatever is added meanwhile', async () => {
    await add('s', ...Array.from({ length: 600 }, (_, i) => said(`kettle ${i}`)));
    const first = await search({ query: 'kettle', limit: 100 });
    at.clock.now += 1000;
    await add('s', ...Array.from({ length: 300 }, (_, i) => said(`kettle ${600 + i}`)));
    const seen = first.hits.map(({ message }) => message.seq);
    let cursor = first.next_cursor;
    while (cursor !== undefined) {
      const page = await search({ query: 'kettle', limit: 100, cursor });
      seen.push(...page.hits.map(({ message }) => message.seq));
      cursor = page.next_cursor;
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 600 }, (_, i) => i + 1));
  });

  describe('with a filter', () => {
    beforeEach(async () => {
      await add('s', said('the kettle boils', { metadata: { tag: { place: 'kitchen' } } }));
      const others = Array.from({ length: 600 }, (_, i) => ({
        ...said(`kettle ${i}`, { metadata: { tag: { place: 'cellar' } } }),
        role: 'assistant',
      }));
      await add('s', ...others);
      await add('s', said('nothing of it'));
    });

    it.each<[string, Partial<SearchInput>]>([
      ['roles', { roles: ['User'] }],
      ['metadata', { metadata: { tag: { place: 'kitchen' } } }],
    ])('finds the one message that meets it, whatever came after: %s', async (_, filter) => {
      const found = await search({ query: 'kettle', ...filter });
      expect(found.contents).toEqual(['the kettle boils']);
      expect(found).toMatchObject({ considered_count: 1 });
      expect(found).not.toHaveProperty('next_cursor');
    });

    it('counts and reaches all that meet it', async () => {
      expect(await everything({ query: 'kettle', roles: ['assistant'] })).toHaveLength(600);
    });
  });

  it('says of a hit that only messages next to it have the words', async () => {
    await add('s', said('Where is the kettle?'), said('In the cupboard.'), said('Thanks.'));
    const { hits } = await search({ query: 'kettle' });
    expect(hits.map(({ message, found_by }) => [message.seq, found_by])).toEqual(
      expect.arrayContaining([
        [1, undefined],
        [2, 'neighbours'],
      ]),
    );
  });

  it('ranks an answer by the question before it, however many messages have the name of its speaker', async () => {
    const by = (role: string, content: string) => ({ role, content });
    await add('s', by('Melanie', 'Where is the kettle?'), by('Caroline', 'In the cupboard.'));
    await add('s', ...Array.from({ length: 600 }, (_, i) => by('Caroline', `row ${i}`)));
    const { contents } = await search({ query: 'Where does Caroline keep the kettle?', limit: 3 });
    expect(contents).toContain('In the cupboard.');
    const found = await everything({ query: 'Caroline kettle' });
    expect(found).toHaveLength(602);
    expect(new Set(found).size).toBe(602);
  });

  describe('that finds nothing', () => {
    beforeEach(() => add('s', said('My favourite colour is teal'), said('Booked the restaurants')));

    it.each([
      ['favorite color', 'My favourite colour is teal'],
      ['colou', 'My favourite colour is teal'],
      ['restarant', 'Booked the restaurants'],
      ['resta', 'Booked the restaurants'],
    ])('finds similar words for %j, and says so', async (query, content) => {
      const found = await search({ query });
      expect(found.contents).toContain(content);
      expect(found.advice).toMatch(/No message has the words.*"\w+"/);
    });

    it('says outside of which condition there are hits', async () => {
      await at.users.add(caller, { user_id: 'ada' });
      await at.sessions.add(caller, { session_id: 'other', user_id: 'ada' });
      for (const [filter, says] of [
        [{ until: '2099-12-31T00:00:00.000Z' }, 'without since and until'],
        [{ roles: ['assistant'] }, 'without roles'],
        [{ metadata: { a: 1 } }, 'without metadata'],
        [{ session_id: 'other' }, 'without session_id'],
        [{ user_id: 'ada' }, 'without user_id'],
      ] as const) {
        const { hits, advice } = await search({ query: 'teal', ...filter });
        expect(hits).toEqual([]);
        expect(advice).toContain(says);
      }
    });

    it('tells a pinned caller of nobody else', async () => {
      const pinned = { ...caller, user_id: 'bob' };
      for (const query of ['teal', 'teel', 'tea']) {
        const { hits, advice } = await at.search.search(pinned, { query });
        expect([hits, advice]).toEqual([[], searchAdvice([{ kind: 'words_only' }], () => true)]);
      }
    });

    it('says that it compares words where nothing is like them', async () => {
      expect((await search({ query: 'xylophone' })).advice).toContain('compares words');
    });
  });
});
