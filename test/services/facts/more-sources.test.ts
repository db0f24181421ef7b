import { beforeEach, expect, it } from 'vitest';
import { factNamespace } from '../../../src/domain/fact-namespace.ts';
import type { NewFact } from '../../../src/services/facts/add.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};
const MOVED: NewFact = { ...LIVES, object: 'Porto', fact: 'Ada lives in Porto' };

describeServices('the sources of a fact that is stated again', (at) => {
  beforeEach(async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    for (const session_id of ['s', 't']) {
      await at.sessions.add(at.caller, { session_id, user_id: 'ada' });
    }
  });

  /** Messages of a session, by their uuids. */
  const say = async (session_id: string, count = 1) => {
    const said = Array.from({ length: count }, (_, i) => ({
      ...{ role: 'user', content: `I live in Lisbon, ${i}` },
    }));
    const { messages } = await at.memory.add(at.caller, session_id, said);
    return messages.map(({ uuid }) => uuid) as [string, ...string[]];
  };
  const add = async (source: { session_id: string; uuids: string[] } | undefined, fact = LIVES) => {
    at.clock.now += 1000;
    const [added] = await at.facts.add(at.caller, 'ada', [fact], source);
    return added as NonNullable<typeof added>;
  };
  const all = async () =>
    (await at.facts.search(at.caller, 'ada', { include_ended: true, limit: 1000 })).facts;
  const sourcesOf = async (sentence = LIVES.fact) =>
    (await all()).find(({ fact }) => fact === sentence)?.sources?.map(({ uuid }) => uuid);
  /** A fact as the store has it. */
  const stored = async (uuid: string) => {
    const place = { namespace: factNamespace(at.caller.namespace) };
    return (await at.store.messages.find(place, 'ada', uuid)).message;
  };

  it('are all that were named, each once, and lead to the fact', async () => {
    const [first] = await say('s');
    const [second, third] = await say('t', 2);
    const { fact } = await add({ session_id: 's', uuids: [first] });
    const again = await add({ session_id: 't', uuids: [second, third as string] });
    expect(again).toMatchObject({ status: 'existing', fact: { uuid: fact.uuid } });
    expect(again).not.toHaveProperty('differs');
    await add({ session_id: 's', uuids: [first] });
    const [known] = await all();
    expect(known).toStrictEqual(again.fact);
    expect(known?.sources?.map(({ session_id, uuid }) => [session_id, uuid])).toStrictEqual([
      ...[['s', first], ...[second, third].map((uuid) => ['t', uuid])],
    ]);
    for (const uuid of [first, second, third as string]) {
      expect(await at.facts.factsFrom(at.caller, 'ada', uuid, 10)).toStrictEqual([known]);
    }
  });

  it('stay as they are if the call names none, or the same; nothing is stored then', async () => {
    const [uuid] = await say('s');
    const { fact } = await add({ session_id: 's', uuids: [uuid] });
    const before = await stored(fact.uuid);
    await add(undefined);
    await add({ session_id: 's', uuids: [uuid] });
    expect(await stored(fact.uuid)).toStrictEqual(before);
  });

  it('are the twenty that were named last', async () => {
    const uuids = await say('s', 30);
    const { fact } = await add({ session_id: 's', uuids: uuids.slice(0, 8) });
    await add({ session_id: 's', uuids: uuids.slice(8, 16) });
    await add({ session_id: 's', uuids: uuids.slice(16) });
    expect(await sourcesOf()).toStrictEqual(uuids.slice(10));
    expect(Object.keys((await stored(fact.uuid))?.metadata.sources ?? {})).toHaveLength(20);
    const from = (uuid: string | undefined) =>
      at.facts.factsFrom(at.caller, 'ada', uuid as string, 10);
    expect(await Promise.all(uuids.slice(0, 10).map(from))).toStrictEqual(Array(10).fill([]));
    expect(await Promise.all(uuids.slice(10).map(from))).not.toContainEqual([]);
  });

  it('of calls at once are all there, and lead to the fact, whether it was known or not', async () => {
    const [first, ...uuids] = await say('s', 17);
    await add({ session_id: 's', uuids: [first] });
    for (const fact of [LIVES, MOVED]) {
      await Promise.all(
        uuids.map((uuid) =>
          at.facts.add(at.caller, 'ada', [fact], { session_id: 's', uuids: [uuid] }),
        ),
      );
    }
    expect(await sourcesOf()).toStrictEqual([first, ...uuids]);
    expect((await sourcesOf(MOVED.fact))?.toSorted()).toStrictEqual(uuids.toSorted());
    for (const uuid of uuids) {
      expect(await at.facts.factsFrom(at.caller, 'ada', uuid, 10)).toHaveLength(2);
    }
  });

  it('come to a fact without any, to a corrected one, and to one that ends in the same call', async () => {
    const [first, second] = await say('s', 2);
    const { fact } = await add(undefined);
    await at.facts.update(at.caller, 'ada', fact.uuid, { fact: 'Ada has a flat in Lisbon' });
    const corrected = await add({ session_id: 's', uuids: [first] });
    expect(corrected).toMatchObject({
      ...{ status: 'existing', differs: true },
      fact: { uuid: fact.uuid, fact: 'Ada has a flat in Lisbon', sources: [{ uuid: first }] },
    });
    at.clock.now += 1000;
    const facts = [LIVES, { ...MOVED, supersedes: [fact.uuid] }];
    const source = { session_id: 's', uuids: [second as string] };
    await at.facts.add(at.caller, 'ada', facts, source);
    expect((await all()).find(({ uuid }) => uuid === fact.uuid)).toMatchObject({
      ...{ fact: 'Ada has a flat in Lisbon', expired_at: expect.any(String) },
      sources: [{ uuid: first }, { uuid: second }],
    });
  });

  it('stay when the fact is corrected', async () => {
    const [uuid] = await say('s');
    const { fact } = await add({ session_id: 's', uuids: [uuid] });
    await at.facts.update(at.caller, 'ada', fact.uuid, { fact: 'Ada is in Lisbon' });
    expect(await sourcesOf('Ada is in Lisbon')).toStrictEqual([uuid]);
    expect(await at.facts.factsFrom(at.caller, 'ada', uuid, 10)).toHaveLength(1);
  });

  it('are gone with the fact: stated anew after its deletion, it has the new ones alone', async () => {
    const [first, second] = await say('s', 2);
    const { fact } = await add({ session_id: 's', uuids: [first] });
    await at.facts.delete(at.caller, 'ada', [fact.uuid]);
    const anew = await add({ session_id: 's', uuids: [second as string] });
    expect(anew).toMatchObject({ status: 'created', fact: { uuid: fact.uuid } });
    expect(await sourcesOf()).toStrictEqual([second]);
  });

  it('keep it in the context as long as one of them says it', async () => {
    const [first] = await say('s');
    const [second] = await say('t');
    await add({ session_id: 's', uuids: [first] });
    await add({ session_id: 't', uuids: [second] });
    await at.memory.add(at.caller, 'u', [{ role: 'user', content: 'Where in Lisbon?' }]);
    await at.sessions.update(at.caller, 'u', { user_id: 'ada' });
    const context = async () => (await at.memory.get(at.caller, 'u')).context?.facts.length ?? 0;
    expect(await context()).toBe(1);
    await at.memory.delete(at.caller, 's', [first]);
    expect(await context()).toBe(1);
    await at.memory.delete(at.caller, 't', [second]);
    expect(await context()).toBe(0);
  });
});
