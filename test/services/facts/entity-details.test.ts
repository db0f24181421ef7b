import { beforeEach, expect, it } from 'vitest';
import type { NewFact } from '../../../src/services/facts/add.ts';
import type { EntityDetail } from '../../../src/services/facts/entity-details.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};
const HILLY = { name: 'Lisbon', labels: ['City', 'Place'], summary: 'A city with seven hills' };

describeServices('the labels and the summary of an entity', (at) => {
  beforeEach(() => at.users.add(at.caller, { user_id: 'ada' }));
  const add = (details: EntityDetail[], ...facts: NewFact[]) =>
    at.facts.add(at.caller, 'ada', facts.length > 0 ? facts : [LIVES], undefined, details);
  const get = async (name: string) => (await at.facts.getEntity(at.caller, 'ada', { name })).entity;

  it('come with the facts of a call, under any spelling of its name', async () => {
    const [added] = await add([{ ...HILLY, name: '“LISBON”' }]);
    expect(added).toMatchObject({ status: 'created', new_entities: ['Ada', 'Lisbon'] });
    expect(await get('Lisbon')).toStrictEqual({
      ...HILLY,
      ...{ uuid: added?.fact.object.uuid, created_at: expect.any(String) },
      updated_at: expect.any(String),
    });
    expect(Object.keys(await get('Ada'))).toStrictEqual([
      ...['uuid', 'name', 'created_at', 'updated_at'],
    ]);
  });

  it('come to an entity that is there and has none, each for itself', async () => {
    await add([]);
    await add([{ name: 'Lisbon', labels: ['City'] }]);
    const before = await get('Lisbon');
    expect(before).toMatchObject({ labels: ['City'] });
    at.clock.now += 1000;
    await add([HILLY]);
    const after = await get('Lisbon');
    expect(after).toMatchObject({ ...HILLY, labels: ['City'], created_at: before.created_at });
    expect(after.updated_at > before.updated_at).toBe(true);
  });

  it('stay as they are, unless the call replaces them', async () => {
    await add([HILLY]);
    at.clock.now += 1000;
    const before = await get('Lisbon');
    await add([{ name: 'Lisbon', labels: ['Village'], summary: 'A village' }]);
    await add([{ name: 'Lisbon', labels: [], summary: ' ', replaces: true }]);
    await add([{ ...HILLY, replaces: true }]);
    expect(await get('Lisbon')).toStrictEqual(before);
    await add([{ name: 'Lisbon', labels: ['Village'], summary: 'A village', replaces: true }]);
    expect(await get('Lisbon')).toMatchObject({ labels: ['Village'], summary: 'A village' });
  });

  it('stay when another fact names the entity', async () => {
    await add([HILLY]);
    await add([], { ...LIVES, object: 'lisbon', fact: 'Ada loves Lisbon' });
    expect(await get('Lisbon')).toMatchObject(HILLY);
  });

  it('are the first that the call says, each label once, without white space around them', async () => {
    await add([
      { name: 'Lisbon', labels: [' City ', 'City', 'Old\nTown'], summary: ' On the Tagus ' },
      HILLY,
    ]);
    expect(await get('Lisbon')).toMatchObject({
      ...{ labels: ['City', 'Old Town'], summary: 'On the Tagus' },
    });
  });

  it('reach an entity that no fact of the call names, and create none', async () => {
    await add([]);
    await add([HILLY, { name: 'Porto', summary: 'A city' }], {
      ...{ subject: 'Ada', predicate: 'WORKS_AT', object: 'Acme', fact: 'Ada works at Acme' },
    });
    expect(await get('Lisbon')).toMatchObject(HILLY);
    await expect(get('Porto')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('are not stored if a fact of the call is refused', async () => {
    const wrong = { ...LIVES, supersedes: ['01a21e29-fca6-7346-b3d5-7dbcdea67976'] };
    await add([]);
    await expect(add([HILLY], wrong)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await get('Lisbon')).not.toHaveProperty('summary');
  });

  it('of two calls at once that create it are kept, whichever comes last', async () => {
    const calls = Array.from({ length: 8 }, (_, i) =>
      add(i === 3 ? [HILLY] : [], { ...LIVES, fact: `Ada has lived in Lisbon for ${i} years` }),
    );
    await Promise.all(calls);
    expect(await get('Lisbon')).toMatchObject(HILLY);
  });

  it('are gone with the entity, and come back with it', async () => {
    await add([HILLY]);
    const { uuids } = await at.facts.deleteEntity(at.caller, 'ada', { name: 'Lisbon' });
    await at.facts.restore(at.caller, 'ada', uuids);
    expect(await get('Lisbon')).toMatchObject(HILLY);
    await at.facts.deleteEntity(at.caller, 'ada', { name: 'Lisbon' });
    await add([], { ...LIVES, fact: 'Ada is in Lisbon' });
    expect(await get('Lisbon')).not.toHaveProperty('summary');
  });
});
