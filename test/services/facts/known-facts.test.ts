import { beforeEach, expect, it } from 'vitest';
import type { NewFact } from '../../../src/services/facts/add.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};
const MOVED: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Porto', fact: 'Ada lives in Porto' },
};
const day = (number: number) => `2099-01-${String(number).padStart(2, '0')}T00:00:00.000Z`;

describeServices('a fact that is stated again', (at) => {
  beforeEach(() => at.users.add(at.caller, { user_id: 'ada' }));

  const add = async (...facts: NewFact[]) => {
    at.clock.now += 1000;
    return at.facts.add(at.caller, 'ada', facts);
  };
  const one = async (fact: NewFact) => {
    const [added] = await add(fact);
    return added as NonNullable<typeof added>;
  };
  const all = async () =>
    (await at.facts.search(at.caller, 'ada', { include_ended: true, limit: 1000 })).facts;

  it('is known, however many others of its kind came later', async () => {
    const first = await one({ ...LIVES, invalid_at: day(9) });
    const later = Array.from({ length: 60 }, (_, i) => ({ ...LIVES, fact: `Lisbon, says ${i}` }));
    await add(...later);
    const again = await one({ ...LIVES, invalid_at: day(9) });
    expect(again).toStrictEqual({ ...first, status: 'existing', new_entities: [] });
    expect(await all()).toHaveLength(61);
  });

  it('stays ended, and the answer shows how it is known', async () => {
    const { fact } = await one(LIVES);
    const next = await one({ ...MOVED, valid_at: day(5), supersedes: [fact.uuid] });
    const again = await one(LIVES);
    expect(again).toMatchObject({
      ...{ status: 'existing', differs: true },
      fact: { uuid: fact.uuid, invalid_at: day(5), superseded_by: next.fact.uuid },
    });
    const back = await one({ ...LIVES, valid_at: '2100-01-01T00:00:00.000Z' });
    expect(back).toMatchObject({ status: 'created', conflicts: [next.fact] });
  });

  it('stays as it was corrected, by its old sentence and by its new one', async () => {
    const { fact } = await one(LIVES);
    await at.facts.update(at.caller, 'ada', fact.uuid, { fact: 'Ada has a flat in Lisbon' });
    const old = await one(LIVES);
    expect(old).toMatchObject({
      ...{ status: 'existing', differs: true },
      fact: { uuid: fact.uuid, fact: 'Ada has a flat in Lisbon' },
    });
    const corrected = await one({ ...LIVES, fact: 'ada has a flat in lisbon.' });
    expect(corrected).toMatchObject({ status: 'existing', fact: { uuid: fact.uuid } });
    expect(corrected).not.toHaveProperty('differs');
    expect(await all()).toHaveLength(1);
  });

  it('is a new one after it was deleted', async () => {
    const { fact } = await one(LIVES);
    await at.facts.delete(at.caller, 'ada', [fact.uuid]);
    expect(await one(LIVES)).toMatchObject({ status: 'created', fact: { uuid: fact.uuid } });
    expect(await all()).toHaveLength(1);
  });

  it('and ends by another one of the same call, does both', async () => {
    const { fact } = await one({ ...LIVES, valid_at: day(1) });
    const [again, moved] = await add(
      { ...LIVES, valid_at: day(1) },
      { ...MOVED, valid_at: day(5), supersedes: [fact.uuid] },
    );
    expect(again).toMatchObject({ status: 'existing', fact: { invalid_at: day(5) } });
    expect(moved).toMatchObject({ status: 'created', conflicts: [] });
    expect((await all()).map(({ invalid_at }) => invalid_at)).toStrictEqual([undefined, day(5)]);
  });

  it('with those that it ends, changes nothing a second time', async () => {
    const { fact } = await one(LIVES);
    const moved = { ...MOVED, valid_at: day(5), supersedes: [fact.uuid] };
    await one(moved);
    const before = await all();
    expect(await one(moved)).toMatchObject({ status: 'existing' });
    expect(await all()).toStrictEqual(before);
  });

  it('ends no earlier than it begins, and keeps an end that it had', async () => {
    const { fact: late } = await one({ ...LIVES, valid_at: day(7) });
    const { fact: ended } = await one({ ...LIVES, fact: 'Once', invalid_at: day(2) });
    await one({ ...MOVED, valid_at: day(5), supersedes: [late.uuid, ended.uuid] });
    const ends = new Map((await all()).map(({ uuid, invalid_at }) => [uuid, invalid_at]));
    expect(ends.get(late.uuid)).toBe(day(7));
    expect(ends.get(ended.uuid)).toBe(day(2));
  });

  it('holds again, and is superseded by none, once its end is removed', async () => {
    const { fact } = await one(LIVES);
    await one({ ...MOVED, supersedes: [fact.uuid] });
    const again = await at.facts.update(at.caller, 'ada', fact.uuid, { invalid_at: null });
    expect(again).toStrictEqual(fact);
  });

  it('is left as it is by a change of nothing', async () => {
    const { fact } = await one({ ...LIVES, valid_at: day(1), invalid_at: day(2) });
    expect(await at.facts.update(at.caller, 'ada', fact.uuid, {})).toStrictEqual(fact);
  });

  it('cannot end before it begins, and nothing is changed then', async () => {
    const { fact } = await one({ ...LIVES, valid_at: day(3), invalid_at: day(5) });
    for (const update of [{ valid_at: day(6) }, { invalid_at: day(2) }]) {
      const refused = at.facts.update(at.caller, 'ada', fact.uuid, { fact: 'no', ...update });
      await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await all()).toStrictEqual([fact]);
    const reversed = { ...MOVED, valid_at: day(5), invalid_at: day(3) };
    await expect(add(MOVED, reversed)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(add({ ...MOVED, supersedes: [fact.uuid] }, reversed)).rejects.toThrow();
    expect(await all()).toStrictEqual([fact]);
  });

  it('cannot be superseded by itself, nor an entity by a fact', async () => {
    const { fact } = await one(LIVES);
    await expect(one({ ...LIVES, supersedes: [fact.uuid] })).rejects.toMatchObject({
      fact: { kind: 'fact_supersedes_itself', index: 0, uuid: fact.uuid },
    });
    const supersedes = [fact.subject.uuid];
    await expect(one({ ...MOVED, supersedes })).rejects.toMatchObject({
      fact: { kind: 'facts_not_found', uuids: supersedes },
    });
    expect(await all()).toStrictEqual([fact]);
  });
});

describeServices('facts that may contradict each other', (at) => {
  beforeEach(() => at.users.add(at.caller, { user_id: 'ada' }));
  const add = (...facts: NewFact[]) => at.facts.add(at.caller, 'ada', facts);

  it('are named also if they come in one call', async () => {
    const [first, second] = await add(LIVES, MOVED);
    expect(first?.conflicts).toStrictEqual([]);
    expect(second?.conflicts).toStrictEqual([first?.fact]);
  });

  it('are named up to the five newest', async () => {
    const likes = (object: string) => ({
      ...{ subject: 'Ada', predicate: 'likes', object, fact: `Ada likes ${object}` },
    });
    await add(...Array.from({ length: 30 }, (_, i) => likes(`thing ${i}`)));
    const [added] = await add(likes('tea'));
    expect(added?.conflicts.map(({ object }) => object.name)).toStrictEqual(
      [29, 28, 27, 26, 25].map((i) => `thing ${i}`),
    );
  });

  it('are none if the predicate is another one, by letters or by marks alone', async () => {
    const predicates = [
      'LIVES_IN',
      'lives near',
      'C',
      'C#',
      '!!!',
      '???',
      '___',
      '_',
      '👍',
      'a\nb',
    ];
    for (const [i, predicate] of predicates.entries()) {
      const [added] = await add({ ...LIVES, predicate, object: `place of ${i}`, fact: `${i}` });
      expect(added, predicate).toMatchObject({ status: 'created', conflicts: [] });
    }
    const [same] = await add({ ...LIVES, predicate: 'a b', object: 'another', fact: 'x' });
    expect(same?.conflicts).toHaveLength(1);
  });
});
