import { expect, it } from 'vitest';
import { coverageOf } from '../../../src/services/facts/coverage.ts';
import { statement } from '../../support/chat-server.ts';
import { describeExtraction } from './describe-extraction.ts';

const MINUTE = 60_000;

describeExtraction('the extraction of facts by a model', (at) => {
  const texts = () =>
    at.server.calls.flatMap(({ input }) => input?.messages.map((m) => m.text) ?? []);
  const coverage = async (session_id: string) => {
    const { namespace } = at.caller;
    const session = await at.store.sessions.find(at.caller, session_id);
    const uuid = session?.uuid as string;
    const place = { store: at.store, namespace, user_id: 'ada' };
    return (await coverageOf(place, [uuid], ['model'])).get(uuid);
  };

  it('draws them from what users said, with the messages that say them', async () => {
    const [first, second] = await at.say('s', ['Ada likes tea.', 'Ada LIVES_IN Lisbon.', 'Hm.']);
    await at.drain();
    expect(await at.known()).toMatchObject([
      {
        ...{ fact: 'Ada LIVES_IN Lisbon.', subject: { name: 'Ada' }, object: { name: 'Lisbon' } },
        sources: [{ session_id: 's', uuid: second }],
      },
      { fact: 'Ada likes tea.', sources: [{ session_id: 's', uuid: first }] },
    ]);
    expect(await coverage('s')).toBe(3);
    expect(at.told).toStrictEqual(['tokens 100', 'call ok', 'batch of 3: 2 facts']);
  });

  it('asks once for the messages of several sessions of a user, and apart for each user', async () => {
    await at.say('one', ['Ada likes tea.']);
    await at.say('two', ['Ada likes milk.']);
    await at.say('three', ['Bob likes beer.'], 'bob');
    await at.drain();
    expect(at.server.calls).toHaveLength(2);
    expect((await at.known()).map(({ fact }) => fact).toSorted()).toStrictEqual([
      ...['Ada likes milk.', 'Ada likes tea.'],
    ]);
    expect(await at.known('bob')).toMatchObject([{ fact: 'Bob likes beer.' }]);
  });

  it('reads each message once, also those that hold no fact', async () => {
    await at.say('s', ['Hm.', 'Well.']);
    await at.drain();
    await at.drain(at.extractor());
    expect(texts()).toStrictEqual(['Hm.', 'Well.']);
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(texts()).toStrictEqual(['Hm.', 'Well.', 'Ada likes tea.']);
    expect(await coverage('s')).toBe(3);
  });

  it('leaves out sessions that have no user, and users who are deleted', async () => {
    await at.memory.add(at.caller, 'nobody’s', [{ role: 'user', content: 'Ada likes tea.' }]);
    await at.say('s', ['Bob likes beer.'], 'bob');
    await at.users.delete(at.caller, 'bob');
    await at.drain();
    expect(at.server.calls).toStrictEqual([]);
  });

  it('gathers messages until the first is old enough, or until there are twenty', async () => {
    const extractor = at.extractor({ waitMs: 5 * MINUTE });
    await at.say('s', ['Ada likes tea.']);
    at.clock.now += 4 * MINUTE;
    await at.say('s', ['Ada likes milk.']);
    await at.drain(extractor);
    expect(at.server.calls).toHaveLength(0);
    at.clock.now += MINUTE;
    await at.drain(extractor);
    expect(texts()).toHaveLength(2);
    const many = Array.from({ length: 20 }, (_, i) => `Ada likes tea ${i}.`);
    await at.say('s', many.slice(1));
    await at.drain(extractor);
    expect(texts()).toHaveLength(2);
    await at.say('s', many.slice(0, 1));
    await at.drain(extractor);
    expect(texts()).toHaveLength(22);
  });

  it('goes through what was there before it was turned on', async () => {
    for (let i = 0; i < 60; i++) {
      await at.say(`s${i}`, [`Ada likes tea ${i}.`], `user ${i % 3}`);
      at.clock.now += MINUTE;
    }
    at.clock.now += 100 * MINUTE;
    await at.drain();
    expect(texts().toSorted()).toStrictEqual(
      Array.from({ length: 60 }, (_, i) => `Ada likes tea ${i}.`).toSorted(),
    );
    for (const user of ['user 0', 'user 1', 'user 2']) {
      expect(await at.known(user)).toHaveLength(20);
    }
  });

  it('is told what is known, by numbers, and names that exist', async () => {
    await at.say('s', ['Ada LIVES_IN Lisbon.']);
    await at.drain();
    await at.say('s', ['Ada LIVES_IN Porto.']);
    await at.drain();
    expect(at.server.calls.at(-1)?.input).toMatchObject({
      known_facts: [{ number: 1, fact: 'Ada LIVES_IN Lisbon.' }],
      entities: ['ada', 'Ada', 'Lisbon'],
    });
  });

  it('cuts a message that is longer than a batch, and reads long ones apart', async () => {
    await at.say('s', ['x'.repeat(100_000), '語'.repeat(7000), 'Ada likes tea.']);
    await at.drain();
    const sizes = at.server.calls.map(({ input }) => input?.messages.map((m) => m.text.length));
    expect(sizes).toStrictEqual([[24_576], [7000, 14]]);
    expect(await coverage('s')).toBe(3);
  });

  it('covers messages without a text without asking', async () => {
    await at.say('s', ['', ' ']);
    await at.drain();
    expect(at.server.calls).toHaveLength(0);
    expect(await coverage('s')).toBe(2);
  });

  it('states a fact once that was said twice', async () => {
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    await at.say('t', ['Ada likes tea.']);
    await at.drain();
    expect(await at.known()).toHaveLength(1);
    expect(at.told.at(-1)).toBe('batch of 1: 0 facts');
  });

  it('keeps what it says of entities, if nothing was known of them', async () => {
    const answer = at.server.answer;
    const saying = (summary: string) => {
      at.server.answer = (input) => ({
        ...(answer(input) as object),
        entities: [{ name: 'Ada', labels: ['Person'], summary }, { name: 'tea' }, { name: 'milk' }],
      });
    };
    saying('Ada drinks tea.');
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    saying('Ada drinks milk.');
    await at.say('s', ['Ada likes milk.']);
    await at.drain();
    const { entity } = await at.facts.getEntity(at.caller, 'ada', { name: 'Ada' });
    expect(entity).toMatchObject({ labels: ['Person'], summary: 'Ada drinks tea.' });
  });

  it('does not rely on what an agent has read', async () => {
    const uuids = await at.say('s', ['Ada likes tea.']);
    await at.facts.add(at.caller, 'ada', [], { session_id: 's', uuids });
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });
});

describeExtraction('a fact that contradicts another, as the model says', (at) => {
  /** Answers with one fact that contradicts all that is known. */
  const contradict = (fact: string, more: object = {}) => {
    at.server.answer = ({ known_facts }) => {
      const one = statement(fact, [1], { ...more, contradicts: known_facts.map((k) => k.number) });
      return { entities: [{ name: one.subject }, { name: one.object }], facts: [one] };
    };
  };
  const learn = async (first: string, second: string, times: object[] = []) => {
    at.server.answer = () => {
      const one = statement(first, [1], times[0]);
      return { entities: [{ name: one.subject }, { name: one.object }], facts: [one] };
    };
    await at.say('s', [first]);
    await at.drain();
    at.clock.now += MINUTE;
    contradict(second, times[1]);
    const [uuid] = await at.say('s', [second]);
    await at.drain();
    const known = await at.known();
    const find = (fact: string) => known.find((one) => one.fact === fact);
    const { message } = await at.store.messages.find(at.caller, 's', uuid as string);
    return { older: find(first), newer: find(second), said: message?.created_at };
  };

  it('ends it with the same subject and predicate, from when the new one was said', async () => {
    const { older, newer, said } = await learn('Ada LIVES_IN Lisbon.', 'Ada LIVES_IN Porto.');
    expect(older).toMatchObject({ invalid_at: said, superseded_by: newer?.uuid });
    expect(older?.expired_at).toBeDefined();
    expect(newer?.invalid_at).toBeUndefined();
  });

  it('ends it where the new one begins, if it says so', async () => {
    const times = [{ valid_at: '2020-01-01' }, { valid_at: '2025-06-01' }];
    const { older } = await learn('Ada LIVES_IN Lisbon.', 'Ada LIVES_IN Porto.', times);
    expect(older).toMatchObject({ invalid_at: '2025-06-01T00:00:00.000Z' });
  });

  it('is itself the one that ends, if the other begins later', async () => {
    const times = [{ valid_at: '2025-06-01' }, { valid_at: '2020-01-01' }];
    const { older, newer } = await learn('Ada LIVES_IN Porto.', 'Ada LIVES_IN Lisbon.', times);
    expect(older?.invalid_at).toBeUndefined();
    expect(newer).toMatchObject({
      invalid_at: '2025-06-01T00:00:00.000Z',
      superseded_by: older?.uuid,
    });
  });

  it.each<[string, string, string, object[]]>([
    ['another predicate', 'Ada LIVES_IN Lisbon.', 'Ada WORKS_IN Porto.', []],
    ['no entity in the same place', 'Ada LIKES Bob.', 'Carol LIKES Ada.', []],
    [
      ...(['another time', 'Ada LIVES_IN Lisbon.', 'Ada LIVES_IN Porto.'] as const),
      [{ invalid_at: '2020-01-01' }, { valid_at: '2025-06-01' }],
    ],
    [
      ...(['the same beginning', 'Ada LIVES_IN Lisbon.', 'Ada LIVES_IN Porto.'] as const),
      [{ valid_at: '2025-06-01' }, { valid_at: '2025-06-01' }],
    ],
  ])('ends nothing with %s', async (_, first, second, times) => {
    const { older, newer } = await learn(first, second, times);
    expect(older?.superseded_by).toBeUndefined();
    expect(newer).toBeDefined();
    expect(newer?.superseded_by).toBeUndefined();
  });

  it('ends the one about the same two entities, whatever the predicate', async () => {
    const { older, newer } = await learn('Ada LIKES tea.', 'Ada HATES tea.');
    expect(older?.superseded_by).toBe(newer?.uuid);
  });

  it('ends nothing if it was known before', async () => {
    await learn('Ada LIVES_IN Lisbon.', 'Ada LIVES_IN Porto.');
    contradict('Ada LIVES_IN Lisbon.');
    await at.say('s', ['Ada LIVES_IN Lisbon.']);
    await at.drain();
    const porto = (await at.known()).find(({ fact }) => fact.includes('Porto'));
    expect(porto?.superseded_by).toBeUndefined();
  });
});
