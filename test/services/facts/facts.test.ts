import { beforeEach, describe, expect, it } from 'vitest';
import type { NewFact } from '../../../src/services/facts/add.ts';
import type { FactQuery } from '../../../src/services/facts/search.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};
const MOVED: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Porto', fact: 'Ada lives in Porto' },
};
const WORKS: NewFact = {
  ...{ subject: 'Ada', predicate: 'WORKS_AT', object: 'Acme', fact: 'Ada works at Acme' },
};

describeServices('facts about a user', (at) => {
  beforeEach(async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.users.add(at.caller, { user_id: 'bob' });
  });

  const add = (...facts: NewFact[]) => at.facts.add(at.caller, 'ada', facts);
  const textsOf = async (query: FactQuery = {}, user_id = 'ada') => {
    at.clock.now += 1000;
    const { facts } = await at.facts.search(at.caller, user_id, query);
    return facts.map(({ fact }) => fact);
  };
  const day = (number: number) => `2099-01-${String(number).padStart(2, '0')}T00:00:00.000Z`;

  it('are added with their entities, found by words, and listed, the newest first', async () => {
    const [first] = await add(LIVES);
    expect(first).toMatchObject({
      ...{ status: 'created', new_entities: ['Ada', 'Lisbon'], conflicts: [] },
      fact: { predicate: 'LIVES_IN', fact: 'Ada lives in Lisbon', subject: { name: 'Ada' } },
    });
    at.clock.now += 1000;
    expect(await add(WORKS)).toMatchObject([{ new_entities: ['Acme'] }]);
    expect(await textsOf()).toStrictEqual(['Ada works at Acme', 'Ada lives in Lisbon']);
    expect(await textsOf({ query: 'where does she live' })).toStrictEqual(['Ada lives in Lisbon']);
    expect(await textsOf({ entity: 'ACME ' })).toStrictEqual(['Ada works at Acme']);
    expect(await textsOf({}, 'bob')).toStrictEqual([]);
  });

  it('that are there already stay as they are, and the answer says so', async () => {
    const [first] = await add(LIVES);
    at.clock.now += 1000;
    const again = await add({ ...LIVES, subject: ' ada', fact: 'ada lives in lisbon.' }, LIVES);
    expect(again).toMatchObject([{ status: 'existing' }, { status: 'existing' }]);
    expect(again[0]?.fact).toStrictEqual(first?.fact);
    expect(await textsOf()).toHaveLength(1);
  });

  it('of one call that say the same are one', async () => {
    expect(await add(LIVES, LIVES)).toMatchObject([{ status: 'created' }, { status: 'existing' }]);
    expect(await textsOf()).toHaveLength(1);
  });

  it('that may contradict others are added, and those are named and left alone', async () => {
    const [first] = await add({ ...LIVES, valid_at: day(1) });
    const [second] = await add({ ...MOVED, valid_at: day(5) });
    expect(second?.conflicts).toStrictEqual([first?.fact]);
    expect(await textsOf()).toHaveLength(2);
    const [other] = await add({ ...MOVED, object: 'Faro', fact: 'Faro', invalid_at: day(1) });
    expect(other?.conflicts).toStrictEqual([]);
  });

  it('end with facts that supersede them, and are still found for their time', async () => {
    const [first] = await add({ ...LIVES, valid_at: day(1) });
    const uuid = first?.fact.uuid as string;
    const [second] = await add({ ...MOVED, valid_at: day(5), supersedes: [uuid] });
    expect(second?.conflicts).toStrictEqual([]);
    expect(await textsOf()).toStrictEqual(['Ada lives in Porto']);
    expect(await textsOf({ as_of: day(3) })).toStrictEqual(['Ada lives in Lisbon']);
    const { facts } = await at.facts.search(at.caller, 'ada', { include_ended: true });
    expect(facts.find((fact) => fact.uuid === uuid)).toMatchObject({
      ...{ valid_at: day(1), invalid_at: day(5), superseded_by: second?.fact.uuid },
    });
  });

  it('cannot supersede facts that do not exist, and nothing is added then', async () => {
    const supersedes = ['0192aaaa-0000-7000-8000-000000000009'];
    await expect(add({ ...LIVES, supersedes })).rejects.toMatchObject({
      ...{ code: 'NOT_FOUND', fact: { kind: 'facts_not_found', uuids: supersedes } },
    });
    expect(await textsOf()).toStrictEqual([]);
  });

  it('name the messages that say them, which have to be of that user', async () => {
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 'bobs', user_id: 'bob' });
    const said = async (session_id: string) => {
      const messages = [{ role: 'user', content: 'I moved to Lisbon' }];
      const added = await at.memory.add(at.caller, session_id, messages);
      return added.messages.map(({ uuid }) => uuid);
    };
    const uuids = await said('s');
    const added = await at.facts.add(at.caller, 'ada', [LIVES], { session_id: 's', uuids });
    expect(added[0]?.fact.sources).toMatchObject([{ session_id: 's', uuid: uuids[0] }]);
    const refused = (session_id: string, wrong: string[]) =>
      at.facts.add(at.caller, 'ada', [WORKS], { session_id, uuids: wrong });
    await expect(refused('s', await said('bobs'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(refused('bobs', await said('bobs'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await textsOf()).toHaveLength(1);
  });

  describe('entities', () => {
    it('are the same by name after normalization, or if nearly the same', async () => {
      const long = 'The International Association of Lighthouse Authorities';
      await add({ ...WORKS, object: long, fact: 'a' });
      const others = await add(
        { ...WORKS, object: `${long.toUpperCase()}.`, fact: 'b' },
        { ...WORKS, object: `${long}s`, fact: 'c' },
        { ...WORKS, object: 'The International Union of Railways', fact: 'd' },
      );
      expect(others.map(({ fact }) => fact.object.name)).toStrictEqual([
        ...[long, long, 'The International Union of Railways'],
      ]);
      const short = await add(
        { ...WORKS, object: 'Acme', fact: 'e' },
        { ...WORKS, object: 'Acne', fact: 'f' },
      );
      expect(short.map(({ new_entities }) => new_entities)).toStrictEqual([['Acme'], ['Acne']]);
    });

    it('are read with the facts about them', async () => {
      await add(LIVES, WORKS);
      const { entity, facts } = await at.facts.getEntity(at.caller, 'ada', { name: 'lisbon' });
      expect(entity).toMatchObject({ name: 'Lisbon' });
      expect(facts.map(({ fact }) => fact)).toStrictEqual(['Ada lives in Lisbon']);
      const again = await at.facts.getEntity(at.caller, 'ada', { uuid: entity.uuid });
      expect(again.entity).toStrictEqual(entity);
      const missing = at.facts.getEntity(at.caller, 'ada', { name: 'Porto' });
      await expect(missing).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('take their facts with them when they are deleted, and come back with them', async () => {
      await add(LIVES, WORKS);
      const { uuids, isComplete } = await at.facts.deleteEntity(at.caller, 'ada', {
        name: 'Lisbon',
      });
      expect(isComplete).toBe(true);
      expect(uuids).toHaveLength(2);
      expect(await textsOf()).toStrictEqual(['Ada works at Acme']);
      await at.facts.restore(at.caller, 'ada', uuids);
      expect(await textsOf()).toHaveLength(2);
      const { entity } = await at.facts.getEntity(at.caller, 'ada', { name: 'Lisbon' });
      expect(entity.name).toBe('Lisbon');
    });

    it('are not doubled by sixteen callers at once', async () => {
      const rounds = Array.from({ length: 16 }, (_, i) =>
        add({ ...LIVES, fact: `Ada lives in Lisbon, says ${i}` }),
      );
      const added = (await Promise.all(rounds)).flat();
      expect(new Set(added.map(({ fact }) => fact.subject.uuid)).size).toBe(1);
      const { facts } = await at.facts.getEntity(at.caller, 'ada', { name: 'Ada' }, { limit: 100 });
      expect(facts).toHaveLength(16);
    });
  });

  it('are changed in their text and times', async () => {
    const [{ fact } = { fact: { uuid: '' } }] = await add({ ...LIVES, valid_at: day(1) });
    const changed = await at.facts.update(at.caller, 'ada', fact.uuid, {
      ...{ fact: 'Ada has a flat in Lisbon', valid_at: null, invalid_at: day(9) },
    });
    expect(changed).toMatchObject({
      uuid: fact.uuid,
      fact: 'Ada has a flat in Lisbon',
      invalid_at: day(9),
    });
    expect(changed).not.toHaveProperty('valid_at');
    expect(await textsOf({ query: 'flat', as_of: day(3) })).toHaveLength(1);
    expect(await textsOf({ query: 'flat' })).toStrictEqual([]);
    const missing = at.facts.update(at.caller, 'ada', '0192aaaa-0000-7000-8000-000000000009', {});
    await expect(missing).rejects.toMatchObject({ fact: { kind: 'facts_not_found' } });
  });

  it('are deleted and restored', async () => {
    const [first] = await add(LIVES, WORKS);
    const uuids = [first?.fact.uuid as string];
    expect(await at.facts.delete(at.caller, 'ada', uuids)).toMatchObject({ count: 1 });
    expect(await textsOf()).toStrictEqual(['Ada works at Acme']);
    expect(await at.facts.delete(at.caller, 'ada', uuids)).toMatchObject({ count: 0 });
    expect(await at.facts.restore(at.caller, 'ada', uuids)).toMatchObject({ count: 1 });
    expect(await textsOf()).toHaveLength(2);
    const unknown = at.facts.delete(at.caller, 'bob', uuids);
    await expect(unknown).rejects.toMatchObject({ fact: { kind: 'facts_not_found' } });
  });

  it('are paged, each once', async () => {
    const many = Array.from({ length: 23 }, (_, i) => ({ ...LIVES, fact: `Lisbon fact ${i}` }));
    await add(...many);
    for (const query of [undefined, 'Lisbon']) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await at.facts.search(at.caller, 'ada', { query, limit: 5, cursor });
        found.push(...page.facts.map(({ fact }) => fact));
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      expect(found.toSorted()).toStrictEqual(many.map(({ fact }) => fact).toSorted());
    }
  });

  describe('belong to their user', () => {
    it('and are nowhere else: in no list, search, count or session', async () => {
      await add(LIVES);
      await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
      await at.memory.add(at.caller, 's', [{ role: 'user', content: 'Lisbon' }]);
      const list = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
      const sessions = await at.sessions.list(at.caller, { ...list, include_total: true });
      expect(sessions).toMatchObject({ total_count: 1, records: [{ session_id: 's' }] });
      const { hits } = await at.search.search(at.caller, { query: 'Lisbon' });
      expect(hits.map(({ message }) => message.content)).toStrictEqual(['Lisbon']);
      await expect(at.sessions.get(at.caller, 'ada')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await at.users.delete(at.caller, 'ada')).toMatchObject({ sessions: 1 });
    });

    it('and go and come back with the user', async () => {
      await add(LIVES);
      await at.users.delete(at.caller, 'ada');
      await expect(textsOf()).rejects.toMatchObject({ fact: { kind: 'user_not_found' } });
      await at.users.restore(at.caller, 'ada');
      expect(await textsOf()).toStrictEqual(['Ada lives in Lisbon']);
    });

    it('and are purged with the user: a later one of the same identifier has none', async () => {
      await add(LIVES);
      await at.users.delete(at.caller, 'ada');
      at.clock.now += 8 * 86_400_000;
      const cutoff = new Date(at.clock.now - 7 * 86_400_000).toISOString();
      while (Object.values(await at.store.purge(cutoff, 1000)).some((count) => count > 0));
      expect(Object.values(await at.store.countExpired(cutoff)).every((n) => n === 0)).toBe(true);
      await at.users.add(at.caller, { user_id: 'ada' });
      expect(await textsOf({ include_ended: true })).toStrictEqual([]);
      await add(WORKS);
      expect(await textsOf()).toStrictEqual(['Ada works at Acme']);
    });

    it('and a caller who is pinned to another one cannot tell that they exist', async () => {
      await add(LIVES);
      const { facts } = await at.facts.search(at.pinned('ada'), 'ada', {});
      expect(facts).toHaveLength(1);
      for (const pin of ['bob', 'carol']) {
        const seen = at.facts.search(at.pinned(pin), 'ada', {});
        await expect(seen).rejects.toMatchObject({ fact: { kind: 'user_not_found' } });
        const added = at.facts.add(at.pinned(pin), 'ada', [WORKS]);
        await expect(added).rejects.toMatchObject({ fact: { kind: 'user_not_found' } });
      }
    });

    it('and a deleted session leaves them', async () => {
      await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
      await add(LIVES);
      await at.sessions.delete(at.caller, 's');
      expect(await textsOf()).toHaveLength(1);
    });
  });
});
