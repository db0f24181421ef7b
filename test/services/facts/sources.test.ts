import { beforeEach, expect, it } from 'vitest';
import { quantize } from '../../../src/search/vectors.ts';
import type { Embeddings } from '../../../src/services/dependencies.ts';
import type { NewFact } from '../../../src/services/facts/add.ts';
import { ALL_FACTS, marker } from '../../../src/services/facts/statements.ts';
import { createServices } from '../../support/stores.ts';
import { describeServices } from '../describe-services.ts';

const DAY = 86_400_000;
const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};

describeServices('the source of a fact', (at) => {
  beforeEach(async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
  });

  const say = async (session_id = 's') => {
    const said = [
      { role: 'user', content: 'I live in Lisbon' },
      { role: 'user', content: 'And you?' },
    ];
    const { messages } = await at.memory.add(at.caller, session_id, said);
    return messages.map(({ uuid }) => uuid) as [string, string];
  };
  const add = (source: { session_id: string; uuids: string[] }, fact = LIVES) =>
    at.facts.add(at.caller, 'ada', [fact], source);
  const all = async () => (await at.facts.search(at.caller, 'ada', {})).facts;

  it('is each message once, of a session of the user or of nobody', async () => {
    const [uuid, other] = await say();
    const [added] = await add({ session_id: 's', uuids: [uuid, other, uuid] });
    const at = added?.fact.created_at;
    expect(added?.fact.sources).toStrictEqual([
      { session_id: 's', uuid, at },
      { session_id: 's', uuid: other, at },
    ]);
    const [free] = await say('nobody’s');
    const again = { ...LIVES, fact: 'Ada is in Lisbon' };
    expect(await add({ session_id: 'nobody’s', uuids: [free] }, again)).toHaveLength(1);
  });

  it('is in no deleted session, and is no deleted message; nothing is added then', async () => {
    const [uuid, gone] = await say();
    await at.memory.delete(at.caller, 's', [gone]);
    await expect(add({ session_id: 's', uuids: [uuid, gone] })).rejects.toMatchObject({
      fact: { kind: 'messages_not_found', session_id: 's', uuids: [gone] },
    });
    await at.sessions.delete(at.caller, 's');
    await expect(add({ session_id: 's', uuids: [uuid] })).rejects.toMatchObject({
      fact: {
        kind: 'session_not_found',
        session_id: 's',
        deletion: { purge_at: expect.any(String) },
      },
    });
    expect(await all()).toStrictEqual([]);
  });

  it('is still named after its session was deleted and purged', async () => {
    const [uuid] = await say();
    const [added] = await add({ session_id: 's', uuids: [uuid] });
    await at.sessions.delete(at.caller, 's');
    expect(await all()).toStrictEqual([added?.fact]);
    at.clock.now += 8 * DAY;
    const cutoff = new Date(at.clock.now - 7 * DAY).toISOString();
    while (Object.values(await at.store.purge(cutoff, 1000)).some((count) => count > 0));
    expect(await all()).toStrictEqual([added?.fact]);
  });

  it('leads to its facts, and to none that only has its words or its meaning', async () => {
    const embeddings: Embeddings = {
      ...{ model: 'test', offer: () => {} },
      question: async () => quantize(new Float32Array([1, 0, 0])),
    };
    const [uuid, other] = await say();
    const [added] = await add({ session_id: 's', uuids: [uuid] });
    const quoting = { ...LIVES, fact: `Ada said ${marker('fact_from', uuid)} ${ALL_FACTS}` };
    await add({ session_id: 's', uuids: [other] }, quoting);
    const { facts } = createServices(at.store, undefined, { embeddings });
    expect(await facts.factsFrom(at.caller, 'ada', uuid, 10)).toStrictEqual([added?.fact]);
  });
});

describeServices('a record of a user, by its uuid alone', (at) => {
  it('is found also where others quote the word that it is found by', async () => {
    for (const user_id of ['ada', 'bob']) await at.users.add(at.caller, { user_id });
    const [added] = await at.facts.add(at.caller, 'ada', [LIVES]);
    const uuid = added?.fact.uuid as string;
    const quoting = Array.from({ length: 5 }, (_, i) => ({
      ...{ ...LIVES, fact: `${i} ${marker('uuid', uuid)}` },
    }));
    await at.facts.add(at.caller, 'bob', quoting);
    expect(await at.facts.ownerOf(at.caller, uuid)).toBe('ada');
    expect(await at.facts.ownerOf(at.pinned('ada'), uuid)).toBe('ada');
    await expect(at.facts.ownerOf(at.pinned('bob'), uuid)).rejects.toMatchObject({
      fact: { kind: 'facts_not_found', uuids: [uuid] },
    });
  });
});

describeServices('a deleted fact', (at) => {
  it('is restored until its undo deadline, and then purged', async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    const added = await at.facts.add(at.caller, 'ada', [
      LIVES,
      { ...LIVES, object: 'Porto', fact: 'Ada lives in Porto' },
    ]);
    const [uuid] = added.map(({ fact }) => fact.uuid) as [string];
    const { purge_at } = await at.facts.delete(at.caller, 'ada', [uuid]);
    at.clock.now += 6 * DAY;
    expect(await at.facts.restore(at.caller, 'ada', [uuid])).toStrictEqual({ count: 1 });
    expect(await at.facts.restore(at.caller, 'ada', [uuid])).toStrictEqual({ count: 0 });
    await at.facts.delete(at.caller, 'ada', [uuid]);
    expect(purge_at).toBeDefined();
    at.clock.now += 8 * DAY;
    await expect(at.facts.restore(at.caller, 'ada', [uuid])).rejects.toMatchObject({
      fact: { kind: 'facts_not_found', uuids: [uuid] },
    });
    await expect(at.facts.update(at.caller, 'ada', uuid, {})).rejects.toMatchObject({
      fact: { kind: 'facts_not_found', uuids: [uuid] },
    });
    const cutoff = new Date(at.clock.now - 7 * DAY).toISOString();
    while (Object.values(await at.store.purge(cutoff, 1000)).some((count) => count > 0));
    expect(Object.values(await at.store.countExpired(cutoff)).every((n) => n === 0)).toBe(true);
    const { facts } = await at.facts.search(at.caller, 'ada', { include_ended: true });
    expect(facts.map(({ fact }) => fact)).toStrictEqual(['Ada lives in Porto']);
    const [again] = await at.facts.add(at.caller, 'ada', [LIVES]);
    expect(again).toMatchObject({ status: 'created', fact: { uuid } });
  });
});
