import { randomUUID } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import { entityName, factText, predicate } from '../../../src/domain/facts.ts';
import type { NewFact } from '../../../src/services/facts/add.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};

it.each([' ', '\n\t', '\u200b', '\u0007', '\u3164', ''])(
  'a name of nothing visible, %j, is refused',
  (blank) => {
    for (const schema of [entityName, predicate, factText]) {
      expect(schema.safeParse(blank).success).toBe(false);
      expect(schema.safeParse(`${blank}!`).success).toBe(true);
    }
  },
);

describeServices('entities', (at) => {
  beforeEach(() => at.users.add(at.caller, { user_id: 'ada' }));
  const add = (...facts: NewFact[]) => at.facts.add(at.caller, 'ada', facts);
  const get = (name: string) => at.facts.getEntity(at.caller, 'ada', { name });

  it('with names of marks alone are as many as there are names', async () => {
    const names = ['!!!', '???', '!?', '-', '...', '_', '👍', '👎', '#', '@', '"'];
    await add(...names.map((object) => ({ ...LIVES, object, fact: `about ${object}` })));
    for (const name of names) {
      const { entity, facts } = await get(name);
      expect(entity.name).toBe(name);
      expect(facts.map(({ fact }) => fact)).toStrictEqual([`about ${name}`]);
    }
  });

  it('are told apart by marks that are part of the name', async () => {
    const names = ['C', 'C#', 'C++', '.NET', 'NET'];
    await add(...names.map((object) => ({ ...LIVES, object, fact: `about ${object}` })));
    for (const name of names) expect((await get(name)).entity.name).toBe(name);
  });

  it('keep the first spelling of their name, on one line', async () => {
    const [first, second] = await add(
      { ...LIVES, object: '  New\n York ' },
      { ...LIVES, object: 'NEW YORK', fact: 'Ada works there, too' },
    );
    expect([first, second].map((one) => one?.fact.object.name)).toStrictEqual([
      ...['New York', 'New York'],
    ]);
    expect([first, second].map((one) => one?.new_entities)).toStrictEqual([
      ['Ada', 'New York'],
      [],
    ]);
  });

  it('of one call are one if their names are nearly the same, unless a number differs', async () => {
    const long = 'The International Association of Lighthouse Authorities';
    const [one, other, third] = await add(
      { ...LIVES, object: long, fact: 'a' },
      { ...LIVES, object: `${long}s`, fact: 'b' },
      { ...LIVES, object: `${long}s`, fact: 'c' },
    );
    expect(other?.fact.object).toStrictEqual(one?.fact.object);
    expect(third?.fact.object).toStrictEqual(one?.fact.object);
    expect((await get(`${long}s`)).facts).toHaveLength(3);
    const ticket = 'https://tracker.example.org/projects/lighthouse/tickets/';
    const tickets = await add(
      { ...LIVES, object: `${ticket}1`, fact: 'd' },
      { ...LIVES, object: `${ticket}2`, fact: 'e' },
    );
    expect(new Set(tickets.map(({ fact }) => fact.object.uuid)).size).toBe(2);
  });

  it('may have names of 256 bytes, two hundred in a call', async () => {
    const name = (i: number) => `${i} ${randomUUID()} `.padEnd(256, 'name ');
    const names = Array.from({ length: 200 }, (_, i) => name(i));
    const facts = Array.from({ length: 100 }, (_, i) => ({
      ...{ subject: names[2 * i] as string, object: names[2 * i + 1] as string },
      ...{ predicate: 'p'.repeat(128), fact: `${i} `.padEnd(2048, 'fact ') },
    }));
    const added = await add(...facts);
    expect(added.flatMap(({ new_entities }) => new_entities)).toHaveLength(200);
    const again = await add(...facts);
    expect(new Set(again.map(({ status }) => status))).toStrictEqual(new Set(['existing']));
    const { entity, facts: about } = await get(names[199] as string);
    expect(entity.name).toBe((names[199] as string).trim());
    expect(about).toMatchObject([{ fact: facts[99]?.fact.trim() }]);
  });

  it('that are deleted with more facts than one call takes, go in several', async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ ...LIVES, fact: `Lisbon ${i}` }));
    for (let call = 0; call < 6; call++) {
      await add(...many.map((one) => ({ ...one, fact: `${one.fact} of ${call}` })));
    }
    const deleted: string[] = [];
    for (let isComplete = false; !isComplete; ) {
      const answer = await at.facts.deleteEntity(at.caller, 'ada', { name: 'Lisbon' });
      deleted.push(...answer.uuids);
      isComplete = answer.isComplete;
    }
    expect(new Set(deleted).size).toBe(601);
    expect((await at.facts.search(at.caller, 'ada', { include_ended: true })).facts).toEqual([]);
    await expect(get('Lisbon')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await get('Ada')).entity.name).toBe('Ada');
    for (let i = 0; i < deleted.length; i += 100) {
      await at.facts.restore(at.caller, 'ada', deleted.slice(i, i + 100));
    }
    const { facts } = await at.facts.getEntity(
      at.caller,
      'ada',
      { name: 'Lisbon' },
      { limit: 1000 },
    );
    expect(facts.length).toBeGreaterThan(0);
  });

  it('are not deleted as facts, which would leave the facts about them', async () => {
    const [added] = await add(LIVES);
    const { entity } = await get('Lisbon');
    const uuids = [added?.fact.uuid as string, entity.uuid];
    await expect(at.facts.delete(at.caller, 'ada', uuids)).rejects.toMatchObject({
      fact: { kind: 'facts_not_found', uuids: [entity.uuid] },
    });
    expect((await get('Lisbon')).facts).toHaveLength(1);
  });

  it('come anew with a fact after they were deleted, under the same uuid', async () => {
    await add(LIVES);
    const before = await get('Lisbon');
    await at.facts.deleteEntity(at.caller, 'ada', { name: 'Lisbon' });
    const [again] = await add({ ...LIVES, fact: 'Ada is back' });
    expect(again).toMatchObject({ status: 'created', new_entities: ['Lisbon'] });
    const { entity, facts } = await get('Lisbon');
    expect(entity.uuid).toBe(before.entity.uuid);
    expect(facts.map(({ fact }) => fact)).toStrictEqual(['Ada is back']);
  });
});
