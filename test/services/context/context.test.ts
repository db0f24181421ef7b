import { describe, expect, it } from 'vitest';
import type { SessionContext } from '../../../src/services/context/index.ts';
import { describeServices } from '../describe-services.ts';

const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

describeServices('the context of a memory', (at) => {
  const addUser = (user_id: string) => at.users.add(at.caller, { user_id });

  async function addSession(session_id: string, user_id: string | undefined, ...texts: string[]) {
    at.clock.now += 3_600_000;
    await at.sessions.add(at.caller, { session_id, ...(user_id !== undefined && { user_id }) });
    const messages = texts.map((content, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content,
    }));
    await at.memory.add(at.caller, session_id, messages);
  }

  /** Asks again where the context took too long: other tests use the machine, too. */
  async function contextOf(session_id: string, context_tokens?: number) {
    for (;;) {
      const { context } = await at.memory.get(at.caller, session_id, { context_tokens });
      if (context?.unavailable !== true) return context;
    }
  }

  const textsIn = (context: SessionContext | undefined) =>
    context?.sessions.flatMap(({ session_id, messages }) =>
      messages.map(({ content }) => `${session_id}: ${content}`),
    );

  it('has what was said in other sessions of the user about the same things, by time', async () => {
    await addUser('ada');
    await addSession('trip', 'ada', 'I want to see Lisbon', 'Lisbon is lovely in May');
    await addSession('food', 'ada', 'Risotto needs patience');
    await addSession('move', 'ada', 'My flat in Lisbon has a balcony');
    await addSession('now', 'ada', 'What did I say about Lisbon?');
    const context = await contextOf('now');
    expect(textsIn(context)).toStrictEqual([
      'trip: I want to see Lisbon',
      'trip: Lisbon is lovely in May',
      'move: My flat in Lisbon has a balcony',
    ]);
    expect(context?.sessions[0]?.messages[0]).toStrictEqual({
      ...{ seq: 1, role: 'user', content: 'I want to see Lisbon' },
      created_at: expect.stringMatching(/^2100-/),
    });
  });

  it('has nothing of the session itself, however much it says about them', async () => {
    await addUser('ada');
    await addSession('old', 'ada', 'The password of the boat is heron');
    const many = Array.from({ length: 900 }, (_, i) => `boat ${i} and its password`);
    await addSession('now', 'ada', ...many);
    expect(textsIn(await contextOf('now'))).toStrictEqual([
      'old: The password of the boat is heron',
    ]);
  });

  it('follows the last four messages', async () => {
    await addUser('ada');
    await addSession('old', 'ada', 'heron', 'stork', 'crane');
    await addSession('now', 'ada', 'heron', 'stork', 'a', 'b', 'c');
    expect(textsIn(await contextOf('now'))).toStrictEqual([
      'old: heron',
      'old: stork',
      'old: crane',
    ]);
    await at.memory.add(at.caller, 'now', [{ role: 'user', content: 'nothing of that' }]);
    expect(textsIn(await contextOf('now'))).toStrictEqual([]);
  });

  describe('goes by the newest message', () => {
    const garden = [
      'The tulips and the soil of the garden need compost',
      'Compost feeds the tulips',
    ];

    it('above all', async () => {
      await addUser('ada');
      await addSession('boat', 'ada', 'The mast is of oak');
      await addSession('garden', 'ada', ...garden);
      const before = [
        'The garden: soil, tulips, compost',
        'Compost for tulips?',
        'Soil for tulips',
      ];
      await addSession('now', 'ada', ...before, 'What is the mast made of?');
      expect(textsIn(await contextOf('now', 40))).toStrictEqual(['boat: The mast is of oak']);
      expect(textsIn(await contextOf('now'))).toHaveLength(3);
    });

    it('and by those before if it says little', async () => {
      await addUser('ada');
      await addSession('boat', 'ada', 'The mast is of oak');
      await addSession('garden', 'ada', ...garden);
      await addSession('now', 'ada', 'What was that about the mast?', 'Which one?', 'Mine', 'Yes');
      expect(textsIn(await contextOf('now'))).toStrictEqual(['boat: The mast is of oak']);
    });
  });

  it('is absent without a user, and empty where nothing fits', async () => {
    await addUser('ada');
    await addSession('old', 'ada', 'heron');
    await addSession('alone', undefined, 'heron');
    await addSession('new', 'ada', 'something else');
    expect(await contextOf('alone')).toBeUndefined();
    expect(await contextOf('new')).toStrictEqual({ facts: [], sessions: [] });
  });

  it('has nothing of other users, of sessions without a user, or of deleted ones', async () => {
    await addUser('ada');
    await addUser('bob');
    await addSession('hers', 'ada', 'heron of Ada');
    await addSession('his', 'bob', 'heron of Bob');
    await addSession('nobodys', undefined, 'heron of nobody');
    await addSession('gone', 'ada', 'heron that is gone');
    await addSession('now', 'ada', 'heron');
    await at.sessions.delete(at.caller, 'gone');
    expect(textsIn(await contextOf('now'))).toStrictEqual(['hers: heron of Ada']);
    const pinned = await at.memory.get(at.pinned('ada'), 'now');
    expect(textsIn(pinned.context)).toStrictEqual(['hers: heron of Ada']);
    await expect(at.memory.get(at.pinned('bob'), 'now')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('has no message that was deleted by itself', async () => {
    await addUser('ada');
    await addSession('old', 'ada', 'heron one', 'heron two');
    await addSession('now', 'ada', 'heron');
    const { messages } = await at.memory.list(at.caller, 'old', { order: 'asc' });
    const { uuid } = messages[0] as { uuid: string };
    await at.memory.delete(at.caller, 'old', [uuid]);
    expect(textsIn(await contextOf('now'))).toStrictEqual(['old: heron two']);
    await at.memory.restore(at.caller, 'old', [uuid]);
    expect(textsIn(await contextOf('now'))).toHaveLength(2);
  });

  describe('stays within its budget', () => {
    it.each([50, 200, 1000, 4000])('of %i tokens, and uses it', async (tokens) => {
      await addUser('ada');
      for (let i = 0; i < 30; i++) {
        await addSession(`s${i}`, 'ada', `heron ${'x '.repeat(40 * (i % 5))}`, `heron again ${i}`);
      }
      await addSession('now', 'ada', 'heron');
      const context = await contextOf('now', tokens);
      const bytes = bytesOf(context?.sessions);
      expect(bytes).toBeLessThanOrEqual(tokens * 4);
      expect(context?.sessions.length).toBeGreaterThan(0);
      if (tokens <= 1000) expect(bytes).toBeGreaterThan(tokens * 2);
    });

    it('and of a long message shows the part that matters', async () => {
      await addUser('ada');
      await addSession(
        'old',
        'ada',
        `${'filler text '.repeat(200)} the heron stands ${'more '.repeat(500)}`,
      );
      await addSession('now', 'ada', 'heron');
      const context = await contextOf('now');
      const [text = ''] = textsIn(context) ?? [];
      expect(text).toContain('the heron stands');
      expect(text.length).toBeLessThan(1000);
    });

    it('which 0 turns off, and max_tokens limits', async () => {
      await addUser('ada');
      await addSession('old', 'ada', ...Array.from({ length: 20 }, (_, i) => `heron ${i}`));
      await addSession('now', 'ada', 'heron');
      expect(await contextOf('now', 0)).toBeUndefined();
      const memory = await at.memory.get(at.caller, 'now', { max_tokens: 300 });
      expect(memory.context?.sessions.length).toBeGreaterThan(0);
      const { session, messages, context } = memory;
      expect(bytesOf([session, messages, context?.sessions])).toBeLessThanOrEqual(1200);
    });
  });

  describe('has facts about the user', () => {
    const LIVES = {
      subject: 'Ada',
      predicate: 'LIVES_IN',
      object: 'Lisbon',
      fact: 'Ada lives in Lisbon',
    };
    const factsOf = async (tokens?: number) =>
      (await contextOf('now', tokens))?.facts.map(({ fact }) => fact);

    it('that hold now and have to do with the last messages', async () => {
      await addUser('ada');
      await addUser('bob');
      await addSession('now', 'ada', 'What is Lisbon like?');
      const ended = {
        ...LIVES,
        fact: 'Ada works in Lisbon',
        invalid_at: '2099-01-01T00:00:00.000Z',
      };
      const other = { ...LIVES, object: 'tea', fact: 'Ada drinks tea' };
      await at.facts.add(at.caller, 'ada', [LIVES, ended, other]);
      await at.facts.add(at.caller, 'bob', [{ ...LIVES, fact: 'Bob lives in Lisbon' }]);
      expect(await factsOf()).toStrictEqual(['Ada lives in Lisbon']);
    });

    it('within half of its budget', async () => {
      await addUser('ada');
      const many = Array.from({ length: 60 }, (_, i) => ({
        ...LIVES,
        fact: `Lisbon fact number ${i}`,
      }));
      await at.facts.add(at.caller, 'ada', many);
      await addSession('old', 'ada', ...Array.from({ length: 40 }, (_, i) => `Lisbon ${i}`));
      await addSession('now', 'ada', 'Lisbon');
      const context = await contextOf('now', 500);
      expect(bytesOf(context?.facts.map(({ fact }) => ({ fact })))).toBeLessThanOrEqual(1000);
      expect(context?.facts.length).toBeGreaterThan(5);
      expect(context?.sessions.length).toBeGreaterThan(0);
    });

    it('but not those that only deleted messages say, until these are restored', async () => {
      await addUser('ada');
      await addSession('told', 'ada', 'I moved', 'Where to?', 'To Lisbon');
      await addSession('now', 'ada', 'Lisbon');
      const { messages } = await at.memory.list(at.caller, 'told', { order: 'asc' });
      const uuids = messages.map(({ uuid }) => uuid);
      const source = { session_id: 'told', uuids: [uuids[0] as string, uuids[2] as string] };
      await at.facts.add(at.caller, 'ada', [LIVES], source);
      await at.memory.delete(at.caller, 'told', [uuids[0] as string]);
      expect(await factsOf()).toStrictEqual(['Ada lives in Lisbon']);
      await at.memory.delete(at.caller, 'told', [uuids[2] as string]);
      expect(await factsOf()).toStrictEqual([]);
      await at.memory.restore(at.caller, 'told', [uuids[2] as string]);
      expect(await factsOf()).toStrictEqual(['Ada lives in Lisbon']);
    });

    it('also those of a deleted session', async () => {
      await addUser('ada');
      await addSession('told', 'ada', 'I moved to Lisbon');
      await addSession('now', 'ada', 'Lisbon');
      const { messages } = await at.memory.list(at.caller, 'told', { order: 'asc' });
      const uuids = messages.map(({ uuid }) => uuid);
      await at.facts.add(at.caller, 'ada', [LIVES], { session_id: 'told', uuids });
      await at.sessions.delete(at.caller, 'told');
      const context = await contextOf('now');
      expect(context?.facts.map(({ fact }) => fact)).toStrictEqual(['Ada lives in Lisbon']);
      expect(context?.sessions).toStrictEqual([]);
    });
  });

  it('is left out, and says so, while the long reads of the caller are all taken', async () => {
    await addUser('ada');
    await addSession('old', 'ada', 'heron');
    await addSession('now', 'ada', 'heron');
    let end = () => {};
    const busy = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { namespace } = at.caller;
    const { longReads } = at.store;
    const all = Array.from({ length: longReads }, () =>
      at.longReads.run(`namespace:${namespace}`, longReads, () => busy),
    );
    const memory = await at.memory.get(at.caller, 'now');
    expect(memory.context).toStrictEqual({ facts: [], sessions: [], unavailable: true });
    expect(memory.messages).toHaveLength(1);
    end();
    await Promise.all(all);
  });
});
