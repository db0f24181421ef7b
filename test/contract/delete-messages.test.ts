import { beforeEach, expect, it } from 'vitest';
import { numberedMessages } from '../support/records.ts';
import { type Harness, harness, worded } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;
const UNKNOWN = '01a1fd24-303c-761f-bb3f-55f56f02c15b';

/** What deleting single messages does: docs/architecture.md. */
describeStores('deleting messages', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `forgetting-${number++}` };
    at = harness(under.store);
  });

  /** Adds numbered messages. Returns their uuids, from 1 on. */
  async function add(count: number): Promise<string[]> {
    const { messages } = await at.memory.add(caller, 's', numberedMessages(count));
    return ['', ...messages.map(({ uuid }) => uuid)];
  }
  const remove = (...uuids: (string | undefined)[]) =>
    at.memory.delete(caller, 's', uuids as string[]);
  const restore = (...uuids: (string | undefined)[]) =>
    at.memory.restore(caller, 's', uuids as string[]);
  const read = async (options: { last_n?: number } = {}) => {
    const { messages, ...rest } = await at.memory.get(caller, 's', options);
    return { ...rest, seqs: messages.map(({ seq }) => seq) };
  };
  const list = async (order: 'asc' | 'desc', page: object = {}) =>
    (await at.memory.list(caller, 's', { order, ...page })).messages.map(({ seq }) => seq);

  it('takes them out of reads, lists, counts and searches; their places stay empty', async () => {
    const uuids = await add(6);
    const deletion = await remove(uuids[2], uuids[6]);
    expect(deletion).toMatchObject({ session: { message_count: 4 }, messages: 2 });
    expect(deletion.purge_at).toBe('2100-01-08T00:00:00.000Z');
    expect(await read()).toMatchObject({ seqs: [1, 3, 4, 5], older_message_count: 0 });
    expect(await read({ last_n: 2 })).toMatchObject({ seqs: [4, 5], older_message_count: 2 });
    expect(await list('asc')).toEqual([1, 3, 4, 5]);
    expect(await list('desc', { limit: 2 })).toEqual([5, 4]);
    expect(await list('asc', { page_size: 2, page_number: 2 })).toEqual([4, 5]);
    expect(await list('asc', { from_seq: 2 })).toEqual([3, 4, 5]);
    expect(await at.sessions.get(caller, 's')).toMatchObject({ message_count: 4 });
    const { hits } = await at.search.search(caller, { query: 'message 2', neighbours: 2 });
    const found = hits.flatMap(({ before = [], message, after = [] }) => [
      ...[...before, message, ...after].map(({ seq }) => seq),
    ]);
    expect(found).not.toContain(2);
    expect(found).not.toContain(6);
    expect((await at.memory.add(caller, 's', numberedMessages(1))).session.message_count).toBe(5);
    expect(await list('asc')).toEqual([1, 3, 4, 5, 7]);
  });

  it('follows cursors past them, from either end', async () => {
    const uuids = await add(9);
    await remove(uuids[1], uuids[3], uuids[4], uuids[9]);
    for (const order of ['asc', 'desc'] as const) {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await at.memory.list(caller, 's', { order, limit: 2, cursor });
        seen.push(...page.messages.map(({ seq }) => seq));
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      expect(order === 'asc' ? seen : seen.toReversed()).toEqual([2, 5, 6, 7, 8]);
    }
  });

  it('is undone by restoring them', async () => {
    const uuids = await add(4);
    const before = await at.memory.get(caller, 's');
    await remove(uuids[2], uuids[3]);
    expect(await restore(uuids[3])).toMatchObject({ session: { message_count: 3 }, messages: 1 });
    expect(await read()).toMatchObject({ seqs: [1, 3, 4] });
    await restore(uuids[2], uuids[3]);
    expect(await at.memory.get(caller, 's')).toEqual(before);
    const { hits } = await at.search.search(caller, { query: 'message 2' });
    expect(hits.map(({ message }) => message.seq)).toContain(2);
  });

  it('may be repeated, and so may restoring', async () => {
    const uuids = await add(3);
    await remove(uuids[2]);
    expect(await remove(uuids[2])).toMatchObject({ messages: 0, session: { message_count: 2 } });
    expect(await remove(uuids[2], uuids[3])).toMatchObject({ messages: 1 });
    await restore(uuids[2], uuids[3]);
    expect(await restore(uuids[2], uuids[3])).toMatchObject({
      messages: 0,
      session: { message_count: 3 },
    });
  });

  it('changes nothing where one is missing, or the session is', async () => {
    const uuids = await add(2);
    const memory = worded(at.memory);
    await expect(memory.delete(caller, 's', [uuids[1] as string, UNKNOWN])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(UNKNOWN),
    });
    expect(await read()).toMatchObject({ seqs: [1, 2] });
    await expect(memory.delete(caller, 'none', [UNKNOWN])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const pinned = { ...caller, user_id: 'ada' };
    await expect(memory.delete(pinned, 's', [uuids[1] as string])).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await at.sessions.delete(caller, 's');
    await expect(memory.delete(caller, 's', [uuids[1] as string])).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('restore_session'),
    });
  });

  it('says of a message that it is deleted, and until when it can come back', async () => {
    const uuids = await add(2);
    await remove(uuids[2]);
    await expect(
      worded(at.memory).getMessage(caller, 's', uuids[2] as string),
    ).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/2100-01-08.*restore_messages/),
    });
  });

  it('says that the summary covers them, until there is a new one or they are back', async () => {
    const uuids = await add(4);
    const summarize = (up_to_seq: number) => {
      at.clock.now += 1000;
      return at.memory.summarize(caller, 's', { content: 'said', up_to_seq });
    };
    await summarize(3);
    at.clock.now += 1000;
    await remove(uuids[4]);
    expect((await read()).summary).not.toHaveProperty('covers_deleted_messages');
    await remove(uuids[2]);
    expect((await read()).summary).toMatchObject({ covers_deleted_messages: true });
    await restore(uuids[2]);
    expect((await read()).summary).not.toHaveProperty('covers_deleted_messages');
    await remove(uuids[2]);
    await summarize(3);
    expect((await read()).summary).not.toHaveProperty('covers_deleted_messages');
  });

  it('goes with the session that is deleted, restored and revived', async () => {
    const uuids = await add(3);
    await remove(uuids[2]);
    expect((await at.sessions.delete(caller, 's')).session.message_count).toBe(2);
    expect(await at.sessions.restore(caller, 's')).toMatchObject({ messages: 2 });
    await at.sessions.delete(caller, 's');
    const { revival, session } = await at.memory.add(caller, 's', numberedMessages(2));
    expect(revival).toMatchObject({ deleted_message_count: 2 });
    expect(session.message_count).toBe(2);
    const [, newest] = (await at.memory.get(caller, 's')).messages;
    await remove(newest?.uuid);
    expect(await at.sessions.restore(caller, 's')).toMatchObject({
      messages: 2,
      session: { message_count: 3 },
    });
    expect(await read()).toMatchObject({ seqs: [1, 3, 4], older_message_count: 0 });
    await restore(uuids[2], newest?.uuid);
    expect(await read()).toMatchObject({ seqs: [1, 2, 3, 4, 5] });
  });

  it('frees the uuid for a message that comes with it again', async () => {
    const message = { role: 'user', content: 'a kettle', uuid: UNKNOWN };
    await at.memory.add(caller, 's', [message]);
    await remove(UNKNOWN);
    const { messages, session } = await at.memory.add(caller, 's', [message]);
    expect(messages).toEqual([{ uuid: UNKNOWN, seq: 2, status: 'created' }]);
    expect(session.message_count).toBe(1);
    expect(await read()).toMatchObject({ seqs: [2] });
  });

  it('ends with the purge, after which nothing of them is left', async () => {
    const uuids = await add(3);
    await remove(uuids[2]);
    at.clock.now += 7 * DAY + 1;
    const cutoff = new Date(at.clock.now - 7 * DAY).toISOString();
    await expect(restore(uuids[2])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await under.store.countExpired(cutoff)).messages).toBeGreaterThanOrEqual(1);
    for (;;) {
      const { sessions, messages, users } = await under.store.purge(cutoff, 1000);
      if (sessions + messages + users === 0) break;
    }
    expect((await under.store.countExpired(cutoff)).messages).toBe(0);
    expect(await read()).toMatchObject({ seqs: [1, 3], session: { message_count: 2 } });
    await expect(remove(uuids[2])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.memory.add(caller, 's', numberedMessages(1));
    expect(await read()).toMatchObject({ seqs: [1, 3, 4], session: { message_count: 3 } });
  });

  it('counts right when many delete at once', async () => {
    const uuids = await add(12);
    await Promise.all(uuids.slice(1, 9).map((uuid) => remove(uuid, uuids[9], uuids[10])));
    expect(await read()).toMatchObject({ seqs: [11, 12], session: { message_count: 2 } });
  });
});
