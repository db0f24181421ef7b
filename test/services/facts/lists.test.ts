import { beforeEach, expect, it } from 'vitest';
import { jsonBytes } from '../../../src/domain/metadata.ts';
import { quantize } from '../../../src/search/vectors.ts';
import type { Embeddings } from '../../../src/services/dependencies.ts';
import type { NewFact } from '../../../src/services/facts/add.ts';
import type { FactService } from '../../../src/services/facts/index.ts';
import type { FactQuery } from '../../../src/services/facts/search.ts';
import { createServices } from '../../support/stores.ts';
import { describeServices } from '../describe-services.ts';

const LIKES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIKES', object: 'tea', fact: 'Ada likes tea' },
};

describeServices('a list of facts', (at) => {
  beforeEach(() => at.users.add(at.caller, { user_id: 'ada' }));

  const add = async (...facts: NewFact[]) => {
    at.clock.now += 1000;
    return at.facts.add(at.caller, 'ada', facts);
  };

  /** The sentences of all pages, and how many each page had. */
  async function pagesOf(query: FactQuery, service: FactService = at.facts) {
    const texts: string[] = [];
    const sizes: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await service.search(at.caller, 'ada', { ...query, cursor });
      texts.push(...page.facts.map(({ fact }) => fact));
      sizes.push(page.facts.length);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return { texts, sizes };
  }

  /** Sentences of many lengths, about one thing and about things of their own. */
  const varied = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...LIKES,
      object: i % 2 === 0 ? 'tea' : `kind ${i}`,
      fact: `${i}: tea${' and more'.repeat((i * 7) % 40)}${i % 5 === 0 ? '?' : ''}`,
    }));
  const newestFirst = (facts: readonly NewFact[]) => facts.map(({ fact }) => fact).reverse();

  it('has the newest first, whatever their length, each once, on pages of any size', async () => {
    const facts = varied(250);
    for (let i = 0; i < facts.length; i += 50) await add(...facts.slice(i, i + 50));
    for (const limit of [1000, 100, 7]) {
      const { texts, sizes } = await pagesOf({ limit });
      expect(texts).toStrictEqual(newestFirst(facts));
      expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
    }
    const ofTea = facts.filter(({ object }) => object === 'tea');
    for (const limit of [1000, 7]) {
      expect((await pagesOf({ entity: 'Tea', limit })).texts).toStrictEqual(newestFirst(ofTea));
    }
  });

  it('is not changed by what is added and deleted between its pages', async () => {
    const facts = varied(120);
    const added = [...(await add(...facts.slice(0, 60))), ...(await add(...facts.slice(60)))];
    const first = await at.facts.search(at.caller, 'ada', { limit: 10 });
    const later = Array.from({ length: 100 }, (_, i) => ({ ...LIKES, fact: `later ${i}` }));
    await add(...later);
    const gone = [added[109], added[50]].map((one) => one?.fact.uuid as string);
    await at.facts.delete(at.caller, 'ada', gone);
    const rest: string[] = [];
    for (let cursor = first.next_cursor; cursor !== undefined; ) {
      const page = await at.facts.search(at.caller, 'ada', { limit: 10, cursor });
      rest.push(...page.facts.map(({ fact }) => fact));
      cursor = page.next_cursor;
    }
    const left = facts.filter((_, i) => i !== 109 && i !== 50);
    expect(first.facts).toHaveLength(10);
    expect(rest).toStrictEqual(newestFirst(left).slice(10));
  });

  it('goes through facts that have ended to the few that hold', async () => {
    await add({ ...LIKES, fact: 'the one that holds' });
    const ended = Array.from({ length: 100 }, (_, i) => ({
      ...{ ...LIKES, fact: `ended ${i}`, invalid_at: '2099-01-01T00:00:00.000Z' },
    }));
    await add(...ended);
    await add(...ended.map((one) => ({ ...one, fact: `${one.fact} again` })));
    const { facts, next_cursor } = await at.facts.search(at.caller, 'ada', { limit: 1 });
    expect(facts.map(({ fact }) => fact)).toStrictEqual(['the one that holds']);
    expect(next_cursor).toBeUndefined();
    expect((await pagesOf({ limit: 1, query: 'holds' })).texts).toStrictEqual([
      'the one that holds',
    ]);
  });

  it('has facts whole, and no more of them on a page than an answer holds', async () => {
    const session_id = '"'.repeat(1024);
    await at.sessions.add(at.caller, { session_id, user_id: 'ada' });
    const said = Array.from({ length: 20 }, () => ({ role: 'user', content: 'said' }));
    const { messages } = await at.memory.add(at.caller, session_id, said);
    const source = { session_id, uuids: messages.map(({ uuid }) => uuid) };
    const name = (i: number) => `${i}${'"'.repeat(250)}`;
    const facts = Array.from({ length: 12 }, (_, i) => ({
      ...{ subject: name(i), predicate: '"'.repeat(128), object: name(i + 100) },
      fact: `word ${i} ${'\u0001'.repeat(2030)}.`,
    }));
    at.clock.now += 1000;
    await at.facts.add(at.caller, 'ada', facts, source);
    for (const query of [undefined, 'word']) {
      const { texts, sizes } = await pagesOf({ limit: 1000, query });
      expect(texts.toSorted()).toStrictEqual(facts.map(({ fact }) => fact).toSorted());
      expect(sizes.length).toBeGreaterThan(1);
      expect(Math.max(...sizes)).toBeLessThan(12);
    }
    const page = await at.facts.search(at.caller, 'ada', { limit: 1000 });
    expect(jsonBytes(page.facts)).toBeLessThan(90_100);
    expect(page.facts[0]?.sources).toHaveLength(20);
  });

  it('is the same with an embeddings endpoint, which is not asked for it', async () => {
    const asked: string[] = [];
    const embeddings: Embeddings = {
      ...{ model: 'test', offer: () => {} },
      async question(text) {
        asked.push(text);
        return quantize(new Float32Array([1, 0, 0]));
      },
    };
    const { facts: service } = createServices(at.store, undefined, { embeddings });
    const facts = varied(30);
    await add(...facts);
    at.clock.now += 1000;
    expect((await pagesOf({ limit: 7 }, service)).texts).toStrictEqual(newestFirst(facts));
    await service.getEntity(at.caller, 'ada', { name: 'tea' });
    expect(asked).toStrictEqual([]);
    await service.search(at.caller, 'ada', { query: 'tea' });
    expect(asked).toStrictEqual(['tea']);
  });

  it('takes no cursor that somebody has changed, and none of another list', async () => {
    await add(...varied(20));
    const { next_cursor } = await at.facts.search(at.caller, 'ada', { limit: 5 });
    const [mark, value] = JSON.parse(Buffer.from(next_cursor as string, 'base64url').toString());
    const changed = [
      ...['', 'x', '[]', '["lexical",1.5,""]', '["lexical",5,"",["; DROP"]]'],
      ...['["lexical",5,"",[null]]', '["lexical",5,"",["1","2"]]'],
    ].map((key) => Buffer.from(JSON.stringify([mark, value, key])).toString('base64url'));
    for (const cursor of [...changed, 'e30', '🦊']) {
      const refused = at.facts.search(at.caller, 'ada', { limit: 5, cursor });
      await expect(refused, cursor).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    const other = { limit: 5, cursor: next_cursor, include_ended: true };
    await expect(at.facts.search(at.caller, 'ada', other)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    const elsewhere = { namespace: `${at.caller.namespace} and another` };
    await at.users.add(elsewhere, { user_id: 'ada' });
    const foreign = at.facts.search(elsewhere, 'ada', { limit: 5, cursor: next_cursor });
    await expect(foreign).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describeServices('a search for facts', (at) => {
  beforeEach(async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.users.add(at.caller, { user_id: 'bob' });
  });
  const add = (user_id: string, fact: string) =>
    at.facts.add(at.caller, user_id, [{ ...LIKES, fact }]);
  const found = async (query: string, caller = at.caller) => {
    at.clock.now += 1000;
    const { facts } = await at.facts.search(caller, 'bob', { query });
    return facts.map(({ fact }) => fact);
  };

  it('finds nothing else because another user has a fact with the word', async () => {
    await add('bob', 'Bob flew a zeppelin');
    expect(await found('zepelin')).toStrictEqual(['Bob flew a zeppelin']);
    await add('ada', 'Ada flew a zepelin');
    expect(await found('zepelin')).toStrictEqual(['Bob flew a zeppelin']);
    expect(await found('zepelin', at.pinned('bob'))).toStrictEqual(['Bob flew a zeppelin']);
  });

  it('of many words has cursors that the tools take', async () => {
    const words = Array.from({ length: 40 }, (_, i) => `word${i}`);
    const facts = Array.from({ length: 100 }, (_, i) => ({
      ...{ ...LIKES, fact: `${i} ${words.join(' ')}` },
    }));
    for (let i = 0; i < 3; i++) {
      const some = facts.map((one) => ({ ...one, fact: `${one.fact} ${i}` }));
      await at.facts.add(at.caller, 'bob', some);
    }
    const query = words.join(' ');
    const lengths: number[] = [];
    let cursor: string | undefined;
    let count = 0;
    do {
      const page = await at.facts.search(at.caller, 'bob', { query, limit: 20, cursor });
      count += page.facts.length;
      cursor = page.next_cursor;
      lengths.push(cursor?.length ?? 0);
    } while (cursor !== undefined);
    expect(count).toBe(300);
    expect(Math.max(...lengths)).toBeLessThan(16_384);
  });
});
