import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/metadata.ts';
import type { AddedMessage } from '../../src/services/append.ts';
import type { Hit, SearchInput } from '../../src/services/search/results.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;

describeStores('search', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `search-${number++}` };
    at = harness(under.store);
  });

  const said = (...contents: string[]): AddedMessage[] =>
    contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const add = (session: string, ...contents: string[]) =>
    at.memory.add(caller, session, said(...contents));
  const search = (query: string, input: Omit<SearchInput, 'query'> = {}) =>
    at.search.search(caller, { query, ...input });
  const named = ({ message }: Hit) => `${message.session_id}/${message.seq}`;
  const found = async (query: string, input: Omit<SearchInput, 'query'> = {}) =>
    (await search(query, input)).hits.map(named);

  async function addFor(user_id: string, session_id: string, ...contents: string[]) {
    await at.users.add(caller, { user_id }).catch(() => undefined);
    await at.sessions.add(caller, { session_id, user_id });
    await add(session_id, ...contents);
  }

  describe('looks', () => {
    it('in one session, in those of one user, or everywhere in the namespace', async () => {
      await addFor('ada', 'a1', 'a red fox');
      await addFor('ada', 'a2', 'a red fox');
      await addFor('bob', 'b1', 'a red fox');
      await add('nobody', 'a red fox');
      expect(await found('fox', { session_id: 'a1' })).toStrictEqual(['a1/1']);
      expect((await found('fox', { user_id: 'ada' })).toSorted()).toStrictEqual(['a1/1', 'a2/1']);
      expect((await found('fox')).toSorted()).toStrictEqual(['a1/1', 'a2/1', 'b1/1', 'nobody/1']);
      const elsewhere = { namespace: `${caller.namespace}-other` };
      expect((await at.search.search(elsewhere, { query: 'fox' })).hits).toStrictEqual([]);
    });

    it('for any of the words, in whatever form, and puts what says more of them first', async () => {
      await add(
        's',
        'nothing',
        'RED',
        'x',
        'x',
        'x',
        'x',
        'x',
        'the réd fóxes',
        'x',
        'x',
        'x',
        'x',
      );
      expect((await found('red fox'))[0]).toBe('s/8');
      expect(await found('red fox')).toContain('s/2');
      expect(await found('wolf')).toStrictEqual([]);
    });

    it('next to a match, where the answer often is', async () => {
      await add('s', 'hello', 'What did you eat?', 'Noodles, as ever', 'x', 'x');
      expect((await found('eat')).toSorted()).toStrictEqual(['s/1', 's/2', 's/3']);
    });

    it('for a name among the roles', async () => {
      await at.memory.add(caller, 's', [
        { role: 'Caroline', content: 'I went there' },
        { role: 'Melanie', content: 'so did I' },
      ]);
      expect((await found('Caroline'))[0]).toBe('s/1');
    });

    it('for the words of the speaker whom the question asks about', async () => {
      const turn = (role: string, content: string) => ({ role, content });
      const filler = Array.from({ length: 8 }, () => turn('user', 'x'));
      await at.memory.add(caller, 's', [
        ...[turn('user', 'a red house'), ...filler, turn('Assistant ', 'a red house'), ...filler],
        ...[turn('log', 'Zoë: a red house'), ...filler, turn('log', 'Ben: a red house')],
      ]);
      const first = async (query: string) => (await found(query))[0];
      expect(await first('Which house did I name, a red one?')).toBe('s/1');
      expect(await first('Which house did you name, a red one?')).toBe('s/10');
      expect(await first('Which red house did Zoë name?')).toBe('s/19');
      expect(await first('Which red house did Ben name?')).toBe('s/28');
    });

    it('for what the one said whom the other calls by the name in the question', async () => {
      const turns = (role: string, ...contents: string[]) =>
        contents.map((content) => ({ role, content }));
      const filler = turns('user', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x');
      await at.memory.add(caller, 's', [
        ...turns('assistant', 'Hello, Caroline!', 'Well done, Caroline!'),
        ...[...filler, ...turns('assistant', 'a red house'), ...filler],
        ...[...turns('user', 'a red house'), ...filler, ...turns('assistant', 'a red house')],
      ]);
      expect((await found('What red house does Caroline have?'))[0]).toBe('s/20');
    });

    it('for Chinese, Japanese, Korean and Thai without spaces', async () => {
      await add('s', '我在北京大学读书', 'x', 'x', 'x', 'データベースの設計', 'x', 'x', 'x');
      await add('t', '학교에서 만나자', 'x', 'x', 'x', 'ภาษาไทย');
      expect((await found('大学'))[0]).toBe('s/1');
      expect((await found('データ'))[0]).toBe('s/5');
      expect((await found('학교'))[0]).toBe('t/1');
      expect((await found('ภาษา'))[0]).toBe('t/5');
    });
  });

  describe('never finds', () => {
    it('a deleted session, and finds it again when it is restored', async () => {
      await add('s', 'a red fox');
      await at.sessions.delete(caller, 's');
      expect(await found('fox')).toStrictEqual([]);
      await expect(found('fox', { session_id: 's' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('restore_session'),
      });
      await at.sessions.restore(caller, 's');
      expect(await found('fox')).toStrictEqual(['s/1']);
    });

    it('what a session said before it began anew', async () => {
      await add('s', 'a red fox');
      await at.sessions.delete(caller, 's');
      await add('s', 'a blue fox');
      expect(await found('fox')).toStrictEqual(['s/2']);
      expect(await found('red', { session_id: 's' })).toStrictEqual([]);
      expect((await search('fox', { neighbours: 5 })).hits[0]).not.toHaveProperty('before');
    });

    it('the sessions of a deleted user', async () => {
      await addFor('ada', 'a', 'a red fox');
      await at.users.delete(caller, 'ada');
      expect(await found('fox')).toStrictEqual([]);
      await expect(found('fox', { user_id: 'ada' })).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('restore_user'),
      });
      await at.users.restore(caller, 'ada');
      expect(await found('fox', { user_id: 'ada' })).toStrictEqual(['a/1']);
    });

    it('what a message said before it was replaced', async () => {
      const uuid = randomUUID();
      await at.memory.add(caller, 's', [{ uuid, role: 'user', content: 'a red fox' }]);
      await at.memory.add(caller, 's', [{ uuid, role: 'user', content: 'a blue whale' }]);
      expect(await found('fox')).toStrictEqual([]);
      expect(await found('whale')).toStrictEqual(['s/1']);
      await at.memory.updateMetadata(caller, 's', uuid, { fox: 'fox' });
      expect(await found('fox')).toStrictEqual([]);
    });

    it('what is purged, though its session came again', async () => {
      await addFor('ada', 's', 'a red fox');
      await at.sessions.delete(caller, 's');
      at.clock.now += 8 * DAY;
      const cutoff = new Date(at.clock.now - 7 * DAY).toISOString();
      await under.store.purge(cutoff, 100);
      await add('s', 'a blue whale');
      expect(await found('red blue')).toStrictEqual(['s/1']);
      expect(await found('whale', { user_id: 'ada' })).toStrictEqual([]);
    });
  });

  describe('narrows', () => {
    it('by role', async () => {
      await add('s', 'fox', 'fox', 'fox');
      expect(await found('fox', { roles: ['assistant'] })).toStrictEqual(['s/2']);
      expect(await found('fox', { roles: ['nobody'] })).toStrictEqual([]);
    });

    it('by a word of the role', async () => {
      const message = (role: string) => ({ role, content: 'fox' });
      await at.memory.add(caller, 's', [message('a zz b'), message('zzz'), message('zz')]);
      const all = { terms: ['fox'], also: [], limit: 1 };
      const look = (after?: readonly (string | null)[]) =>
        under.store.search.candidates(caller.namespace, {}, { ...all, roleWord: 'zz', after });
      const first = await look();
      const second = await look(first.next);
      const found = [first, second].flatMap(({ candidates }) => candidates.map(({ seq }) => seq));
      expect(found).toStrictEqual([3, 1]);
      expect(second.next).toStrictEqual([null]);
    });

    it('by metadata, at any depth', async () => {
      const metadata = { 'a.b': { $c: [1, { d: null }], e: 2 } };
      await at.memory.add(caller, 's', [
        { role: 'user', content: 'fox', metadata },
        { role: 'user', content: 'fox', metadata: { 'a.b': { $c: [1] } } },
        { role: 'user', content: 'fox' },
      ]);
      const by = (metadata: JsonObject) => found('fox', { metadata });
      expect(await by({ 'a.b': { $c: [1, { d: null }] } })).toStrictEqual(['s/1']);
      expect(await by({ 'a.b': {} })).toHaveLength(2);
      expect(await by({ 'a.b': { $c: [] } })).toStrictEqual([]);
      expect(await by({ toString: {} })).toStrictEqual([]);
    });

    it('by time, its ends included', async () => {
      const times: string[] = [];
      for (const day of [0, 1, 2]) {
        at.clock.now += DAY;
        times.push(new Date(at.clock.now).toISOString());
        await add(`s${day}`, 'fox');
      }
      const [first, second, third] = times as [string, string, string];
      expect(await found('fox', { since: second })).toStrictEqual(['s2/1', 's1/1']);
      expect(await found('fox', { until: second })).toStrictEqual(['s1/1', 's0/1']);
      expect(await found('fox', { since: first, until: first })).toStrictEqual(['s0/1']);
      await expect(search('fox', { since: third, until: first })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  describe('answers', () => {
    it('with the message, its session and its score, and nothing that is the store’s own', async () => {
      await at.sessions.add(caller, { session_id: 's', metadata: { topic: 'animals' } });
      const { messages } = await add('s', 'a red fox');
      const { hits, considered_count, ...rest } = await search('fox');
      const memory = await at.memory.get(caller, 's');
      expect(hits).toStrictEqual([
        { score: expect.any(Number), session: memory.session, message: memory.messages[0] },
      ]);
      expect(hits[0]?.message.uuid).toBe(messages[0]?.uuid);
      expect([considered_count, rest]).toStrictEqual([1, { mode: 'lexical' }]);
    });

    it('with what was said around a hit, as far as there is something', async () => {
      await add('s', '1', '2', '3', 'fox', '5');
      const { hits } = await search('fox', { neighbours: 2, limit: 1 });
      expect(hits[0]?.before?.map(({ content }) => content)).toStrictEqual(['2', '3']);
      expect(hits[0]?.after?.map(({ content }) => content)).toStrictEqual(['5']);
    });

    it('with the part of a long message that says it', async () => {
      const content = `${'word '.repeat(10_000)}the fox ${'word '.repeat(20_000)}`;
      await add('s', content);
      const [hit] = (await search('fox')).hits;
      expect(hit?.message.content).toContain('the fox');
      expect(hit?.message).toMatchObject({ content_length: content.length });
      const { content_offset = 0 } = hit?.message ?? {};
      expect(content.slice(content_offset)).toContain('the fox');
      expect(content.startsWith(hit?.message.content ?? '-', content_offset)).toBe(true);
    });

    it('page by page, each hit once, without what came meanwhile', async () => {
      for (let i = 0; i < 30; i++) await add(`s${i}`, `fox ${'and '.repeat(i)}`);
      const all = await found('fox', { limit: 100 });
      expect(all).toHaveLength(30);
      const pages: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await search('fox', { limit: 7, cursor });
        pages.push(...page.hits.map(named));
        cursor = page.next_cursor;
        at.clock.now += 10;
        await add(`later-${pages.length}`, 'fox fox fox');
      } while (cursor !== undefined);
      expect(pages).toStrictEqual(all);
    });

    it('page by page, though somebody adds to a session that is among the hits', async () => {
      await add('s', ...Array.from({ length: 30 }, (_, i) => `fox ${'and '.repeat(i % 7)}${i}`));
      const all = await found('fox', { session_id: 's', limit: 100 });
      const pages: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await search('fox', { session_id: 's', limit: 5, cursor });
        pages.push(...page.hits.map(named));
        cursor = page.next_cursor;
        at.clock.now += 10;
        await add('s', 'fox fox fox');
      } while (cursor !== undefined);
      expect(pages).toStrictEqual(all);
    });

    it('page by page, though a message is of a time that has not come yet', async () => {
      await add('s', ...Array.from({ length: 12 }, () => 'fox'));
      at.clock.now += DAY;
      await add('t', 'fox');
      at.clock.now -= DAY;
      const first = await search('fox', { limit: 5 });
      const rest = await search('fox', { limit: 100, cursor: first.next_cursor });
      const hits = [...first.hits, ...rest.hits].map(named);
      expect(hits).toHaveLength(13);
      expect(new Set(hits).size).toBe(13);
    });

    it('refuses a cursor of another search', async () => {
      for (let i = 0; i < 3; i++) await add(`s${i}`, 'fox');
      const { next_cursor: cursor } = await search('fox', { limit: 1 });
      for (const [query, input] of [
        ['foxes', {}],
        ['fox', { session_id: 's1' }],
        ['fox', { roles: ['user'] }],
      ] as const) {
        await expect(search(query, { ...input, cursor })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining('cursor'),
        });
      }
      const other = at.search.search({ namespace: 'other' }, { query: 'fox', limit: 1, cursor });
      await expect(other).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('says what it did not consider, and how to get at it', async () => {
      const some = Array.from({ length: 200 }, (_, i) => `fox ${i}`);
      for (const session of ['old', 'middle', 'new']) {
        await add(session, ...some);
        at.clock.now += DAY;
      }
      const first = await search('fox', { limit: 1 });
      expect(first.considered_count).toBeLessThan(600);
      expect(first.advice).toContain('next_cursor goes on');
      const sessions = new Set<string>();
      let page = await search('fox', { limit: 100 });
      while (page.next_cursor !== undefined && !sessions.has('old')) {
        page = await search('fox', { limit: 100, cursor: page.next_cursor });
        for (const { session } of page.hits) sessions.add(session.session_id);
      }
      expect([...sessions]).toContain('old');
    });

    it('finds what is live behind many that are deleted', async () => {
      await add('kept', 'fox');
      for (const session of ['gone-1', 'gone-2']) {
        at.clock.now += DAY;
        await add(session, ...Array.from({ length: 600 }, () => 'fox'));
        await at.sessions.delete(caller, session);
      }
      expect(await found('fox')).toStrictEqual(['kept/1']);
    });
  });

  describe('is told', () => {
    it('when there is no such session or user, or when both are given', async () => {
      const refused = (input: Omit<SearchInput, 'query'>) =>
        search('fox', input).catch((error: { code: string }) => error.code);
      expect(await refused({ session_id: 'x' })).toBe('NOT_FOUND');
      expect(await refused({ user_id: 'x' })).toBe('NOT_FOUND');
      expect(await refused({ session_id: 'x', user_id: 'x' })).toBe('INVALID_ARGUMENT');
    });

    it.each(['"', '***', '() OR AND', '\\', 'a:b', 'NEAR(x', '{}', '$where', '-', '🦊', '\u0000'])(
      'something sensible of the query %j',
      async (query) => {
        await add('s', 'a fox 🦊 and b, or x near where');
        const { hits, advice } = await search(query);
        expect(hits.length > 0 || advice?.includes('nothing to look for')).toBe(true);
      },
    );

    it('of a query of 10,000 characters, and of nothing but stop words', async () => {
      await add('s', 'who are you?');
      const long = await search(`${'long words indeed '.repeat(600)}who`);
      expect(long.hits).toHaveLength(0);
      const many = Array.from({ length: 2000 }, (_, i) => `w${i}`).join(' ');
      expect((await search(many)).advice).toContain('shorter');
      expect(await found('who are you')).toStrictEqual(['s/1']);
    });

    it('something of any text at all', async () => {
      await add('s', 'a red fox');
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 60 }), async (query) => {
          const { hits, considered_count } = await search(query);
          expect(hits.length).toBeLessThanOrEqual(considered_count);
        }),
        { numRuns: 30 },
      );
    });
  });
});
