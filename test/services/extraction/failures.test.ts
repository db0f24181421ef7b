import { expect, it } from 'vitest';
import { EndpointError } from '../../../src/search/model-api/error.ts';
import { LEASE_MS, LEASE_NAME, LeaseLost } from '../../../src/services/extraction/lease.ts';
import { BudgetSpent } from '../../../src/services/extraction/meter.ts';
import { type ChatBehaviour, statement } from '../../support/chat-server.ts';
import { describeExtraction } from './describe-extraction.ts';

const DAY = 86_400_000;

describeExtraction('an answer of a model that is wrong', (at) => {
  const facts = (...given: object[]) => ({
    text: JSON.stringify({ entities: [{ name: 'Ada' }, { name: 'tea' }], facts: given }),
  });
  const good = statement('Ada likes tea.', [1]);
  const wrong: [string, string, ChatBehaviour][] = [
    ['is no JSON', 'not_json', { text: 'Ada likes tea, I would say.' }],
    ['is half JSON', 'not_json', { text: '{"entities":[{"name":"Ada"}],"facts":[{"sub' }],
    ['is cut', 'incomplete', 'cut'],
    ['is a refusal', 'incomplete', 'refusal'],
    ['has another form', 'wrong_form', { text: '{"facts":{"Ada":"likes tea"}}' }],
    ['names other messages', 'unknown_message', facts(good, { ...good, messages: [2] })],
    ['names other facts', 'unknown_fact', facts({ ...good, contradicts: [1] })],
    ['names other entities', 'unknown_entity', facts({ ...good, object: 'coffee' })],
    ['has times that are none', 'wrong_form', facts({ ...good, valid_at: 'yesterday' })],
  ];

  it.each(wrong)('because it %s is dropped as a whole after three attempts: %s', async (...row) => {
    const [, problem, behaviour] = row;
    at.server.behaviour = behaviour;
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(at.server.calls).toHaveLength(3);
    expect(await at.known()).toStrictEqual([]);
    expect(at.told.filter((line) => !/call|tokens/.test(line))).toStrictEqual([
      ...[`wrong ${problem}`, `wrong ${problem}`, `wrong ${problem}`],
      `batch of 1: 0 facts, ${problem}`,
    ]);
    // The messages are covered: nothing is read again, and the next ones are.
    at.server.behaviour = 'answer';
    await at.say('s', ['Ada likes milk.']);
    await at.drain();
    expect(await at.known()).toMatchObject([{ fact: 'Ada likes milk.' }]);
  });

  it('is asked for again, and the right one is taken', async () => {
    let left = 2;
    at.server.decide = () => (left-- > 0 ? { text: 'Hm.' } : undefined);
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(await at.known()).toHaveLength(1);
    expect(at.told.at(-1)).toBe('batch of 1: 1 facts');
  });

  it('cannot have more facts than a call of add_facts', async () => {
    at.server.behaviour = facts(...Array.from({ length: 101 }, () => good));
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(at.told.at(-1)).toBe('batch of 1: 0 facts, wrong_form');
  });
});

describeExtraction('an endpoint that does not answer', (at) => {
  it.each<[string, ChatBehaviour]>([
    ['unauthorized', { status: 401 }],
    ['misconfigured', { status: 404 }],
    ['overloaded', { status: 429 }],
    ['failing', { status: 503 }],
    ['unreachable', 'reset'],
    ['unreachable', 'broken off'],
    ['invalid_answer', 'html'],
    ['invalid_answer', 'no choices'],
    ['misconfigured', 'redirect'],
  ])('(%s: %o) loses nothing: the messages wait', async (problem, behaviour) => {
    at.server.behaviour = behaviour;
    await at.say('s', ['Ada likes tea.']);
    await expect(at.drain()).rejects.toMatchObject({ problem });
    expect(at.told).toStrictEqual([`call ${problem}`]);
    at.server.behaviour = 'answer';
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });

  it('to anything keeps messages that it refuses', async () => {
    at.server.behaviour = { status: 400 };
    await at.say('s', ['Ada likes tea.']);
    await expect(at.drain()).rejects.toBeInstanceOf(EndpointError);
    at.server.behaviour = 'answer';
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });

  it('to some messages, and to others it does, has those dropped', async () => {
    at.server.decide = ({ input }) =>
      input?.messages.some(({ text }) => text.includes('tea')) ? { status: 400 } : undefined;
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(at.told.at(-1)).toBe('batch of 1: 0 facts, refused');
    await at.say('s', ['Ada likes milk.']);
    await at.drain();
    expect(await at.known()).toMatchObject([{ fact: 'Ada likes milk.' }]);
  });

  it('in time to some messages, three times, has those dropped', async () => {
    at.server.decide = ({ input }) => (input === undefined ? undefined : 'hang');
    await at.say('s', ['Ada likes tea.']);
    await at.drain();
    expect(at.server.calls).toHaveLength(4);
    expect(at.told.at(-1)).toBe('batch of 1: 0 facts, timeout');
  });

  it('in time to anything loses nothing', async () => {
    at.server.behaviour = 'hang';
    await at.say('s', ['Ada likes tea.']);
    await expect(at.drain()).rejects.toMatchObject({ problem: 'timeout' });
    at.server.behaviour = { delay: 100 };
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });

  it('is asked again by itself, later and later, and told of once', async () => {
    let left = 4;
    at.server.decide = () => (left-- > 0 ? { status: 503 } : undefined);
    await at.say('s', ['Ada likes tea.']);
    const stop = new AbortController();
    const running = at.extractor().run(stop.signal);
    await expect.poll(() => at.known(), { timeout: 20_000 }).toHaveLength(1);
    stop.abort();
    await running;
    expect(at.told.filter((line) => line.startsWith('blocked'))).toStrictEqual([
      'blocked: EndpointError',
    ]);
  });

  it('before the time that it names is not asked', async () => {
    at.server.behaviour = { status: 429, retryAfter: '3600' };
    await at.say('s', ['Ada likes tea.']);
    const stop = new AbortController();
    const running = at.extractor().run(stop.signal);
    await expect.poll(() => at.told).toContain('blocked: EndpointError');
    // Another server does not ask either: the lease is kept.
    await at.drain(at.extractor());
    expect(at.server.calls).toHaveLength(1);
    stop.abort();
    await running;
    at.server.behaviour = 'answer';
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });
});

describeExtraction('the budget of a model', (at) => {
  it('ends at its tokens of the day, for all who share the store, and comes back the next day', async () => {
    const limits = { callsPerMinute: 1000, tokensPerDay: 2000 };
    at.server.tokens = 1900;
    await at.say('s', ['Ada likes tea.']);
    await at.say('t', ['Bob likes beer.'], 'bob');
    await expect(at.drain(at.extractor({ limits }))).rejects.toBeInstanceOf(BudgetSpent);
    expect(at.server.calls).toHaveLength(1);
    await expect(at.drain(at.extractor({ limits }))).rejects.toBeInstanceOf(BudgetSpent);
    expect(at.server.calls).toHaveLength(1);
    at.clock.now += DAY;
    await at.drain(at.extractor({ limits }));
    expect(at.server.calls).toHaveLength(2);
  });
});

describeExtraction('the budget of a model', (at) => {
  it('has so many calls a minute', async () => {
    const limits = { callsPerMinute: 1, tokensPerDay: 1_000_000 };
    at.clock.now = Math.ceil(at.clock.now / 60_000 + 1) * 60_000;
    await at.say('s', ['Ada likes tea.']);
    await at.say('t', ['Bob likes beer.'], 'bob');
    // Of the minute, a tenth of a second is left.
    at.clock.now += 57_900;
    const drained = at.drain(at.extractor({ limits }));
    await expect.poll(() => at.server.calls.length).toBe(1);
    at.clock.now += 60_000;
    await drained;
    expect(at.server.calls).toHaveLength(2);
  });
});

describeExtraction('of several that extract', (at) => {
  it('one does it at a time, and the next one when it has ended', async () => {
    const [one, other] = [at.extractor(), at.extractor()];
    const stop = new AbortController();
    await one.lead(stop.signal, async (round) => {
      expect(await other.lead(stop.signal, async () => {})).toBe(false);
      await round();
    });
    expect(await other.lead(stop.signal, async () => {})).toBe(true);
  });

  it('each stops where it loses the lease, and applies nothing', async () => {
    await at.say('s', ['Ada likes tea.']);
    const { leases } = at.store;
    at.server.decide = () => {
      at.server.decide = () => undefined;
      return { delay: 300 };
    };
    const drained = at.drain(at.extractor({ holder: 'late' }));
    await expect.poll(() => at.server.calls.length).toBe(1);
    // As if it had been asleep for longer than the lease.
    await leases.release(LEASE_NAME, 'late');
    await leases.take(LEASE_NAME, 'other', LEASE_MS);
    await expect(drained).rejects.toBeInstanceOf(LeaseLost);
    expect(await at.known()).toStrictEqual([]);
    await leases.release(LEASE_NAME, 'other');
    await at.drain();
    expect(await at.known()).toHaveLength(1);
  });

  it('one whose user is deleted meanwhile goes on with the others', async () => {
    await at.say('s', ['Ada likes tea.']);
    await at.say('t', ['Bob likes beer.'], 'bob');
    at.server.decide = ({ input }) =>
      input?.messages[0]?.text.includes('tea') ? { delay: 500 } : undefined;
    const drained = at.drain();
    await expect.poll(() => at.server.calls.length).toBeGreaterThan(0);
    await at.users.delete(at.caller, 'ada');
    await drained;
    expect(await at.known('bob')).toHaveLength(1);
    at.server.decide = () => undefined;
    await at.users.restore(at.caller, 'ada');
    await at.say('s', ['Ada likes milk.']);
    await at.drain();
    expect(await at.known()).not.toHaveLength(0);
  });
});
