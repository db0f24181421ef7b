import { beforeEach, expect, it } from 'vitest';
import { factNamespace } from '../../../src/domain/fact-namespace.ts';
import type { Session } from '../../../src/domain/records.ts';
import { createFactAccess } from '../../../src/services/facts/access.ts';
import type { NewFact } from '../../../src/services/facts/add.ts';
import { coverageMessage, coverageOf } from '../../../src/services/facts/coverage.ts';
import { createServices } from '../../support/stores.ts';
import { describeServices } from '../describe-services.ts';

const LIVES: NewFact = {
  ...{ subject: 'Ada', predicate: 'LIVES_IN', object: 'Lisbon', fact: 'Ada lives in Lisbon' },
};

describeServices('messages from which no facts were drawn', (at) => {
  beforeEach(async () => {
    await at.users.add(at.caller, { user_id: 'ada' });
    await at.sessions.add(at.caller, { session_id: 's', user_id: 'ada' });
  });

  const say = async (session_id: string, count: number) => {
    const said = Array.from({ length: count }, (_, i) => ({ role: 'user', content: `word ${i}` }));
    const { messages } = await at.memory.add(at.caller, session_id, said);
    return messages.map(({ uuid }) => uuid);
  };
  const read = (session_id: string, uuids: (string | undefined)[], facts: NewFact[] = []) =>
    at.facts.add(at.caller, 'ada', facts, { session_id, uuids: uuids as string[] });
  const uncovered = () => at.facts.uncovered(at.caller, 'ada');
  const find = (session_id: string) => at.store.sessions.find(at.caller, session_id);

  it('are all of a user who has no facts, in the sessions that were used last', async () => {
    await say('s', 3);
    at.clock.now += 1000;
    await at.sessions.add(at.caller, { session_id: 'later', user_id: 'ada' });
    await say('later', 2);
    await at.sessions.add(at.caller, { session_id: 'empty', user_id: 'ada' });
    await say('nobody’s', 1);
    expect(await uncovered()).toStrictEqual([
      { session_id: 'later', from_seq: 1, count: 2 },
      { session_id: 's', from_seq: 1, count: 3 },
    ]);
  });

  it('are those behind the last message of a source, also of one without facts', async () => {
    const uuids = await say('s', 5);
    await read('s', [uuids[1], uuids[0]], [LIVES]);
    expect(await uncovered()).toStrictEqual([{ session_id: 's', from_seq: 3, count: 3 }]);
    await read('s', [uuids[3]]);
    expect(await uncovered()).toStrictEqual([{ session_id: 's', from_seq: 5, count: 1 }]);
    await read('s', [uuids[4]]);
    expect(await uncovered()).toStrictEqual([]);
    await say('s', 1);
    expect(await uncovered()).toStrictEqual([{ session_id: 's', from_seq: 6, count: 1 }]);
  });

  it('are not more again after an earlier message was named', async () => {
    const uuids = await say('s', 5);
    await read('s', [uuids[3]], [LIVES]);
    await read('s', [uuids[0]], [{ ...LIVES, fact: 'Ada is in Lisbon' }]);
    expect(await uncovered()).toStrictEqual([{ session_id: 's', from_seq: 5, count: 1 }]);
  });

  it('are none that were deleted, in a session or with it', async () => {
    const uuids = await say('s', 3);
    await at.memory.delete(at.caller, 's', uuids.slice(0, 2));
    expect(await uncovered()).toMatchObject([{ session_id: 's', count: 1 }]);
    await at.sessions.delete(at.caller, 's');
    expect(await uncovered()).toStrictEqual([]);
  });

  it('are those of the user alone, and of none that is not there', async () => {
    await say('s', 3);
    await at.users.add(at.caller, { user_id: 'bob' });
    expect(await at.facts.uncovered(at.pinned('bob'), 'bob')).toStrictEqual([]);
    await expect(at.facts.uncovered(at.pinned('bob'), 'ada')).rejects.toMatchObject({
      fact: { kind: 'user_not_found' },
    });
    await expect(at.facts.uncovered(at.caller, 'nobody')).rejects.toMatchObject({
      fact: { kind: 'user_not_found' },
    });
  });

  it('are told once for a session, whichever session they are in', async () => {
    await say('s', 3);
    const session = (await find('s')) as Session;
    expect(await at.facts.uncoveredOnce(at.caller, session)).toHaveLength(1);
    expect(await at.facts.uncoveredOnce(at.caller, session)).toStrictEqual([]);
    await at.sessions.add(at.caller, { session_id: 'new', user_id: 'ada' });
    const other = (await find('new')) as Session;
    expect(await at.facts.uncoveredOnce(at.caller, other)).toHaveLength(1);
    await at.memory.add(at.caller, 'free', [{ role: 'user', content: 'x' }]);
    const free = (await find('free')) as Session;
    expect(await at.facts.uncoveredOnce(at.caller, free)).toStrictEqual([]);
  });

  it('are not looked for again in a session without any until it has changed', async () => {
    const uuids = await say('s', 3);
    await read('s', uuids);
    const looked: string[] = [];
    const { facts } = createServices({
      ...at.store,
      messages: {
        ...at.store.messages,
        read(...args) {
          looked.push(args[1]);
          return at.store.messages.read(...args);
        },
      },
    });
    const once = async () => facts.uncoveredOnce(at.caller, (await find('s')) as Session);
    expect(await once()).toStrictEqual([]);
    expect(looked).toStrictEqual(['s']);
    expect(await once()).toStrictEqual([]);
    expect(looked).toStrictEqual(['s']);
    await say('s', 1);
    expect(await once()).toStrictEqual([{ session_id: 's', from_seq: 4, count: 1 }]);
  });

  it('are not told where a model of the server reads them', async () => {
    await say('s', 3);
    const session = (await find('s')) as Session;
    const { facts } = createServices(at.store, undefined, { extractsFacts: true });
    expect(await facts.uncoveredOnce(at.caller, session)).toStrictEqual([]);
    expect(await facts.uncovered(at.caller, 'ada')).toHaveLength(1);
  });

  it('are known by whom they were read: what the agent has read, the model has not', async () => {
    const uuids = await say('s', 4);
    await read('s', [uuids[3]]);
    const session = (await find('s')) as Session;
    const place = { store: at.store, namespace: at.caller.namespace, user_id: 'ada' };
    const covered = (...readers: ('agent' | 'model')[]) =>
      coverageOf(place, [session.uuid], readers);
    expect(await covered('agent')).toStrictEqual(new Map([[session.uuid, 4]]));
    expect(await covered('model')).toStrictEqual(new Map());
    const { append } = createFactAccess(at.deps);
    await append(at.caller, 'ada', [coverageMessage(session, 'model', 2)]);
    expect(await covered('model')).toStrictEqual(new Map([[session.uuid, 2]]));
    expect(await covered('agent', 'model')).toStrictEqual(new Map([[session.uuid, 4]]));
    await append(at.caller, 'ada', [coverageMessage(session, 'model', 3)]);
    expect(await covered('model')).toStrictEqual(new Map([[session.uuid, 3]]));
    const all = await at.store.messages.read({ namespace: factNamespace(place.namespace) }, 'ada', {
      ...{ order: 'asc', limit: 100, metadataMaxBytes: 10_000 },
      enough: { total: 1e6, each: 1e6 },
    });
    expect(all?.messages).toHaveLength(2);
  });

  it('leave no trace among the facts', async () => {
    const uuids = await say('s', 1);
    await read('s', uuids, [LIVES]);
    const { facts } = await at.facts.search(at.caller, 'ada', {});
    expect(facts).toHaveLength(1);
    expect(await at.facts.list(at.caller, 'ada', 'entity', { limit: 10 })).toHaveLength(2);
    expect((await at.search.search(at.caller, { query: '-', user_id: 'ada' })).hits).toStrictEqual(
      [],
    );
  });
});
