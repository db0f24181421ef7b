import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { TOOL_ANSWER } from '../../src/mcp/answer/answer-shape.ts';
import type { AddedMessage } from '../../src/services/append.ts';
import { FairQueue } from '../../src/services/fair-queue.ts';
import { createMemoryService } from '../../src/services/memory.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;

/** Which messages add_memory leaves deleted when it revives a session: docs/architecture.md. */
describeStores('a revived session', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `revival-${number++}` };
    at = harness(under.store);
  });

  const said = (...contents: string[]): AddedMessage[] =>
    contents.map((content) => ({ role: 'user', content }));
  const add = (...contents: string[]) => at.memory.add(caller, 's', said(...contents));
  const remove = () => at.sessions.delete(caller, 's');
  const restore = () => at.sessions.restore(caller, 's');
  const listed = async () =>
    (await at.memory.list(caller, 's', { order: 'asc' })).messages.map(({ seq, content }) => [
      seq,
      content,
    ]);
  const found = async (query: string, scope: { session_id?: string } = {}) =>
    (await at.search.search(caller, { query, neighbours: 2, ...scope })).hits;
  const time = (ms: number) => new Date(at.clock.now + ms).toISOString();
  async function purge(cutoff = time(-7 * DAY)): Promise<number> {
    let messages = 0;
    for (;;) {
      const step = await under.store.purge(cutoff, 100);
      messages += step.messages;
      if (step.messages + step.sessions + step.users === 0) return messages;
    }
  }

  describe('tells who brings it back', () => {
    it('how many messages stay deleted, and when the first of them are purged', async () => {
      await add('one', 'two');
      at.clock.now += DAY;
      await remove();
      const until = time(7 * DAY);
      at.clock.now += DAY;
      const { session, messages, revival } = await add('three');
      expect(revival).toStrictEqual({ deleted_message_count: 2, purge_at: until });
      expect(session).toMatchObject({ message_count: 1 });
      expect(messages).toMatchObject([{ seq: 3, status: 'created' }]);

      at.clock.now += DAY;
      await remove();
      expect((await add('four')).revival).toStrictEqual({
        deleted_message_count: 3,
        purge_at: until,
      });
    });

    it('that there are none, if it had none', async () => {
      await at.sessions.add(caller, { session_id: 's' });
      await remove();
      expect((await add('one')).revival).toStrictEqual({ deleted_message_count: 0 });
      expect(await restore()).toMatchObject({ messages: 0 });
    });

    it('nothing of what is past its purge', async () => {
      await add('one');
      await remove();
      at.clock.now += 7 * DAY;
      expect((await add('two')).revival).toStrictEqual({ deleted_message_count: 0 });
    });

    it('no end where nothing is purged', async () => {
      const keeping = createMemoryService({
        store: async () => under.store,
        now: () => at.clock.now,
        newUuid: randomUUID,
        purgeAfter: undefined,
        longReads: new FairQueue(),
        onChange: () => {},
        answer: TOOL_ANSWER,
      });
      await add('one');
      await remove();
      const { revival } = await keeping.add(caller, 's', said('two'));
      expect(revival).toStrictEqual({ deleted_message_count: 1 });
    });

    it('the same once more where the call is repeated, which retires nothing', async () => {
      const again = said('two', 'three').map((one) => ({ ...one, uuid: randomUUID() }));
      await add('one');
      await remove();
      const { revival } = await at.memory.add(caller, 's', again);
      const repeated = await at.memory.add(caller, 's', again);
      expect(repeated.revival).toStrictEqual(revival);
      expect(repeated.messages).toMatchObject([
        { seq: 2, status: 'updated' },
        { seq: 3, status: 'updated' },
      ]);
      expect(repeated.session.message_count).toBe(2);
      expect(await restore()).toMatchObject({ messages: 1 });
    });

    it('and nobody else', async () => {
      expect(await add('one')).not.toHaveProperty('revival');
      await remove();
      await add('two');
      expect(await add('three')).not.toHaveProperty('revival');
      await remove();
      await restore();
      expect(await add('four')).not.toHaveProperty('revival');
    });
  });

  describe('shows nothing of what stays deleted', () => {
    beforeEach(async () => {
      await add('a fox', 'a hen');
      await at.memory.summarize(caller, 's', { content: 'of animals', up_to_seq: 2 });
      await remove();
      await add('an owl');
    });

    it('in its messages, its counts and its summary', async () => {
      expect(await listed()).toStrictEqual([[3, 'an owl']]);
      const memory = await at.memory.get(caller, 's');
      expect(memory.messages.map(({ content }) => content)).toStrictEqual(['an owl']);
      expect(memory).toMatchObject({ older_message_count: 0, session: { message_count: 1 } });
      expect(memory).not.toHaveProperty('summary');
      expect(await at.sessions.get(caller, 's')).toMatchObject({ message_count: 1 });
      const back = await at.memory.list(caller, 's', { order: 'desc', include_total: true });
      expect(back).toMatchObject({ total_count: 1, messages: [{ seq: 3 }] });
      expect(back).not.toHaveProperty('next_cursor');
    });

    it('to a search, as a hit or beside one', async () => {
      for (const scope of [{}, { session_id: 's' }]) {
        expect(await found('fox hen', scope)).toStrictEqual([]);
        const [hit, ...others] = await found('owl', scope);
        expect(hit?.message.content).toBe('an owl');
        expect(hit).not.toHaveProperty('before');
        expect(others).toStrictEqual([]);
      }
    });

    it('by its uuid, nor lets it be changed or summarized', async () => {
      await restore();
      const [fox] = (await at.memory.list(caller, 's', { order: 'asc' })).messages;
      const uuid = fox?.uuid as string;
      await remove();
      await add('a cat');
      const missing = { code: 'NOT_FOUND', message: expect.stringContaining('list_messages') };
      await expect(at.memory.getMessage(caller, 's', uuid)).rejects.toMatchObject(missing);
      await expect(
        at.memory.updateMetadata(caller, 's', uuid, { seen: true }),
      ).rejects.toMatchObject(missing);
      await expect(
        at.memory.summarize(caller, 's', { content: 'x', up_to_seq: 3 }),
      ).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('4 to 4'),
      });
    });

    it('to whoever looks for what has no vector', async () => {
      const { messages } = await under.store.vectors.unembedded('m', undefined, 100_000);
      const own = messages.filter(({ namespace }) => namespace === caller.namespace);
      expect(own.map(({ content }) => content)).toStrictEqual(['an owl']);
    });
  });

  describe('gets its messages back with restore_session', () => {
    it('in front of the newer ones, found and counted again', async () => {
      await add('a fox', 'a hen');
      await remove();
      await add('an owl');
      const { session, messages } = await restore();
      expect(messages).toBe(2);
      expect(session).toStrictEqual(await at.sessions.get(caller, 's'));
      expect(session.message_count).toBe(3);
      expect(await listed()).toStrictEqual([
        [1, 'a fox'],
        [2, 'a hen'],
        [3, 'an owl'],
      ]);
      const [hit] = await found('hen');
      expect([hit?.before, hit?.after]).toMatchObject([
        [{ content: 'a fox' }],
        [{ content: 'an owl' }],
      ]);
      const uuid = hit?.message.uuid as string;
      expect((await at.memory.getMessage(caller, 's', uuid)).content).toBe('a hen');
      expect((await add('a cat')).messages).toMatchObject([{ seq: 4 }]);
    });

    it('once: after that there is nothing more to put back', async () => {
      await add('one');
      await remove();
      await add('two');
      expect(await restore()).toMatchObject({ messages: 1 });
      expect(await restore()).toMatchObject({ messages: 0, session: { message_count: 2 } });
    });

    it('of all its deletions', async () => {
      for (const content of ['one', 'two', 'three']) {
        await add(content);
        await remove();
        at.clock.now += 1000;
      }
      await add('four');
      expect(await restore()).toMatchObject({ messages: 3 });
      expect((await listed()).map(([seq]) => seq)).toStrictEqual([1, 2, 3, 4]);
    });

    it('after its own deletion was undone, which brings back exactly what that had deleted', async () => {
      await add('one');
      await remove();
      await add('two');
      await remove();
      expect(await restore()).toMatchObject({ messages: 1, session: { message_count: 1 } });
      expect(await listed()).toStrictEqual([[2, 'two']]);
      expect(await restore()).toMatchObject({ messages: 1, session: { message_count: 2 } });
      expect((await listed()).map(([seq]) => seq)).toStrictEqual([1, 2]);
    });

    it('with the summary that they had, unless it has one since', async () => {
      const summarize = (content: string, up_to_seq: number) =>
        at.memory.summarize(caller, 's', { content, up_to_seq });
      const summary = async () => (await at.memory.get(caller, 's')).summary?.content;
      await add('one');
      await summarize('of one', 1);
      await remove();
      await add('two');
      await remove();
      await add('three');
      await restore();
      expect(await summary()).toBe('of one');
      await remove();
      await add('four');
      await summarize('of four', 4);
      await restore();
      expect(await summary()).toBe('of four');
    });
  });

  describe('has each uuid once', () => {
    const uuid = randomUUID();
    const again = (content: string) =>
      at.memory.add(caller, 's', [{ uuid, role: 'user', content }]);

    it('where one that stays deleted comes again: that is a new message, and both are kept', async () => {
      await again('before');
      await remove();
      expect((await again('after')).messages).toStrictEqual([{ uuid, seq: 2, status: 'created' }]);
      expect(await listed()).toStrictEqual([[2, 'after']]);
      await restore();
      expect(await listed()).toStrictEqual([
        [1, 'before'],
        [2, 'after'],
      ]);
      expect((await at.memory.getMessage(caller, 's', uuid)).content).toBe('after');
      const [before] = (await at.memory.list(caller, 's', { order: 'asc' })).messages;
      expect(before?.uuid).not.toBe(uuid);
      const other = before?.uuid as string;
      expect((await at.memory.getMessage(caller, 's', other)).content).toBe('before');
      expect((await again('changed')).messages).toStrictEqual([
        { uuid, seq: 2, status: 'updated' },
      ]);
    });

    it('where it comes later than the revival, among others', async () => {
      await again('before');
      await remove();
      await add('between');
      const other = randomUUID();
      const both = [
        { uuid: other, role: 'user', content: 'other' },
        { uuid, role: 'user', content: 'after' },
      ];
      expect((await at.memory.add(caller, 's', both)).messages).toStrictEqual([
        { uuid: other, seq: 3, status: 'created' },
        { uuid, seq: 4, status: 'created' },
      ]);
      await restore();
      const uuids = (await at.memory.list(caller, 's', { order: 'asc' })).messages.map(
        (message) => message.uuid,
      );
      expect(new Set(uuids).size).toBe(4);
    });
  });

  describe('keeps what stays deleted until its own purge time', () => {
    // A purge goes through every namespace.
    beforeEach(() => purge('2200-01-01T00:00:00.000Z'));

    it('each deletion for itself, the oldest first', async () => {
      await add('one', 'two');
      await remove();
      at.clock.now += DAY;
      await add('three');
      await remove();
      at.clock.now += DAY;
      await add('four');
      at.clock.now += 5 * DAY;
      expect(await under.store.countExpired(time(-7 * DAY))).toMatchObject({ messages: 2 });
      expect(await purge()).toBe(2);
      expect(await restore()).toMatchObject({ messages: 1 });
      expect(await listed()).toStrictEqual([
        [3, 'three'],
        [4, 'four'],
      ]);
      expect(await purge(time(DAY))).toBe(0);
    });

    it('whatever becomes of the session meanwhile', async () => {
      await add('one');
      await remove();
      at.clock.now += DAY;
      await add('two');
      at.clock.now += 4 * DAY;
      await remove();
      at.clock.now += 2 * DAY;
      expect(await purge()).toBe(1);
      expect(await restore()).toMatchObject({ messages: 1 });
      expect(await restore()).toMatchObject({ messages: 0 });
    });

    it('together with it, if it is purged itself', async () => {
      await add('one', 'two');
      await remove();
      await add('three');
      await remove();
      at.clock.now += 7 * DAY;
      expect(await under.store.countExpired(time(-7 * DAY))).toMatchObject({
        sessions: 1,
        messages: 3,
      });
      expect(await purge()).toBe(3);
      expect((await add('new')).messages).toMatchObject([{ seq: 1 }]);
    });

    it('also where a clock was set back', async () => {
      await add('one');
      await remove();
      await add('two');
      at.clock.now -= DAY;
      await remove();
      const { revival } = await add('three');
      expect(revival).toStrictEqual({ deleted_message_count: 2, purge_at: time(8 * DAY) });
      expect(await purge(time(0))).toBe(0);
      expect(await purge(time(DAY))).toBe(2);
    });

    it('whole: what a purge has begun to take does not come back', async () => {
      await add(...Array.from({ length: 20 }, (_, i) => `${i}`));
      await remove();
      const deleted = time(0);
      await add('new');
      expect(await under.store.purge(deleted, 5)).toMatchObject({ messages: 5 });
      expect(await under.store.countExpired(deleted)).toMatchObject({ messages: 15 });
      expect(await restore()).toMatchObject({ messages: 0 });
      expect(await listed()).toStrictEqual([[21, 'new']]);
      await remove();
      await add('newer');
      expect(await restore()).toMatchObject({ messages: 1 });
      expect(await purge(deleted)).toBe(15);
      expect(await listed()).toStrictEqual([
        [21, 'new'],
        [22, 'newer'],
      ]);
    });
  });

  it('is left with what stays deleted by the deletion and restoration of its user', async () => {
    await at.users.add(caller, { user_id: 'ada' });
    await at.sessions.add(caller, { session_id: 's', user_id: 'ada' });
    await add('one');
    await remove();
    await add('two');
    await at.users.delete(caller, 'ada');
    await expect(add('three')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(restore()).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.users.restore(caller, 'ada');
    expect(await listed()).toStrictEqual([[2, 'two']]);
    expect(await restore()).toMatchObject({ messages: 1 });
    expect(await listed()).toStrictEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
  });

  it('may have been revived many times', async () => {
    const times = 60;
    for (let i = 1; i <= times; i++) {
      await add(`${i}`);
      await at.memory.summarize(caller, 's', { content: `up to ${i}`, up_to_seq: i });
      await remove();
    }
    expect((await add('last')).revival).toMatchObject({ deleted_message_count: times });
    expect(await restore()).toMatchObject({ messages: times });
    expect((await listed()).map(([seq]) => seq)).toStrictEqual(
      Array.from({ length: 50 }, (_, i) => i + 1),
    );
    expect((await at.memory.get(caller, 's')).summary?.content).toBe(`up to ${times}`);
  });
});
