import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import type { Message } from '../../src/domain/records.ts';
import type { AddedMessage } from '../../src/services/append.ts';
import { estimateTokens } from '../../src/services/append.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

/** The rules for messages and summaries: docs/architecture.md. */
describeStores('memory', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `memory-${number++}` };
    at = harness(under.store);
  });

  const said = (...contents: string[]): AddedMessage[] =>
    contents.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
  const add = (messages: AddedMessage[], session = 's') => at.memory.add(caller, session, messages);
  async function list(session = 's'): Promise<Message[]> {
    const all: Message[] = [];
    let cursor: string | undefined;
    do {
      const page = await at.memory.list(caller, session, { order: 'asc', limit: 1000, cursor });
      all.push(...page.messages);
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return all;
  }
  const contents = async (session = 's') => (await list(session)).map(({ content }) => content);
  const many = (count: number) => said(...Array.from({ length: count }, (_, i) => `m${i + 1}`));

  describe('add_memory', () => {
    it('creates the session, and answers with its counts and where each message is', async () => {
      const { session, messages } = await add(said('hello', 'hi'));
      const now = new Date(at.clock.now).toISOString();
      expect(session).toStrictEqual({
        ...{ session_id: 's', message_count: 2, last_message_at: now },
        uuid: expect.any(String),
      });
      expect(messages).toStrictEqual([
        { uuid: expect.any(String), seq: 1, status: 'created' },
        { uuid: expect.any(String), seq: 2, status: 'created' },
      ]);
      expect(await at.sessions.get(caller, 's')).toStrictEqual({
        ...session,
        ...{ metadata: {}, created_at: now, updated_at: now },
      });
    });

    it('appends to a live session, in order, however fast', async () => {
      await at.sessions.add(caller, { session_id: 's', metadata: { kept: true } });
      await add(said('1', '2'));
      at.clock.now += 5;
      const { session } = await add(said('3'));
      expect((await list()).map(({ seq, content }) => [seq, content])).toStrictEqual([
        [1, '1'],
        [2, '2'],
        [3, '3'],
      ]);
      const now = new Date(at.clock.now).toISOString();
      expect(session).toMatchObject({ message_count: 3, last_message_at: now });
      expect(await at.sessions.get(caller, 's')).toStrictEqual({
        ...{ ...session, metadata: { kept: true }, updated_at: now },
        created_at: expect.any(String),
      });
    });

    it('keeps role, content and metadata as they were given', async () => {
      const message: AddedMessage = {
        uuid: randomUUID(),
        role: 'tool:🔧',
        content: '“Ünïcødé”\n\t👩‍👩‍👧 $set {"a": 1} \u0001',
        metadata: { 'a.b': { $x: [null] } },
      };
      await add([message, { role: 'user', content: '' }]);
      const [kept, empty] = await list();
      expect(kept).toStrictEqual({
        ...message,
        session_id: 's',
        seq: 1,
        token_count: estimateTokens(message.content),
        created_at: new Date(at.clock.now).toISOString(),
        updated_at: new Date(at.clock.now).toISOString(),
      });
      expect(empty).toMatchObject({ content: '', token_count: 0, metadata: {} });
    });

    it('updates a message in place when its uuid comes again, so that a retry is safe', async () => {
      const uuid = randomUUID();
      await add([{ uuid, role: 'user', content: 'helo', metadata: { a: 1, b: 1 } }, ...said('hi')]);
      at.clock.now += 1000;
      const again = await add([
        { uuid, role: 'user', content: 'hello', metadata: { b: null, c: 1 } },
        ...said('more'),
      ]);
      expect(again.messages).toStrictEqual([
        { uuid, seq: 1, status: 'updated' },
        { uuid: expect.any(String), seq: 3, status: 'created' },
      ]);
      expect(again.session.message_count).toBe(3);
      const [message] = await list();
      expect(message).toMatchObject({ content: 'hello', metadata: { a: 1, c: 1 }, seq: 1 });
      expect(message?.created_at).toBe(new Date(at.clock.now - 1000).toISOString());
      expect(message?.updated_at).toBe(new Date(at.clock.now).toISOString());
      expect(await contents()).toStrictEqual(['hello', 'hi', 'more']);
    });

    it('takes a whole call twice as once', async () => {
      const messages = many(50).map((message) => ({ ...message, uuid: randomUUID() }));
      const first = await add(messages);
      const second = await add(messages);
      expect(second.session.message_count).toBe(50);
      expect(second.messages.map(({ seq }) => seq)).toStrictEqual(
        first.messages.map(({ seq }) => seq),
      );
      expect(await list()).toHaveLength(50);
    });

    it('keeps one uuid in two sessions apart', async () => {
      const uuid = randomUUID();
      await add([{ uuid, role: 'user', content: 'here' }], 'a');
      await add([{ uuid, role: 'user', content: 'there' }], 'b');
      expect(await contents('a')).toStrictEqual(['here']);
      expect(await contents('b')).toStrictEqual(['there']);
    });

    it('refuses two messages with one uuid in a call, and changes nothing', async () => {
      const uuid = randomUUID();
      const twice = [...said('a'), ...said('b')].map((message) => ({ ...message, uuid }));
      await expect(add(twice)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(at.sessions.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('takes a thousand messages at once', async () => {
      const { session, messages } = await add(many(1000));
      expect(session.message_count).toBe(1000);
      expect(messages.at(-1)?.seq).toBe(1000);
      expect(await contents()).toStrictEqual(many(1000).map(({ content }) => content));
    });
  });

  describe('of a soft-deleted session', () => {
    beforeEach(async () => {
      await add(said('old 1', 'old 2'));
      await at.memory.summarize(caller, 's', { content: 'old', up_to_seq: 2 });
      at.clock.now += 1000;
      await at.sessions.delete(caller, 's');
    });

    it('cannot be read or changed, and says until when it can be restored', async () => {
      const [refused] = [
        { code: 'NOT_FOUND', message: expect.stringContaining('restore_session') },
      ];
      await expect(at.memory.get(caller, 's')).rejects.toMatchObject(refused);
      await expect(list()).rejects.toMatchObject(refused);
      await expect(
        at.memory.summarize(caller, 's', { content: 'x', up_to_seq: 1 }),
      ).rejects.toMatchObject(refused);
      await expect(at.memory.updateMetadata(caller, 's', randomUUID(), {})).rejects.toMatchObject(
        refused,
      );
    });

    it('is counted in the answer to the deletion', async () => {
      const { session } = await at.sessions.delete(caller, 's');
      expect(session.message_count).toBe(2);
    });

    it('comes back whole with restore_session', async () => {
      await at.sessions.restore(caller, 's');
      expect(await contents()).toStrictEqual(['old 1', 'old 2']);
      expect((await at.memory.get(caller, 's')).summary).toMatchObject({ content: 'old' });
      const { messages } = await add(said('new'));
      expect(messages[0]?.seq).toBe(3);
    });

    it('names the uuids to repeat it with, also where what stood in its way was past its purge', async () => {
      await at.users.add(caller, { user_id: 'gone' });
      await at.sessions.add(caller, { session_id: 'theirs', user_id: 'gone' });
      await at.users.delete(caller, 'gone');
      let tries = 0;
      const { messages } = under.store;
      const append: typeof messages.append = async (...args) => {
        if (++tries === 2)
          throw new DomainError('UNAVAILABLE', 'It does not answer.', { outcomeUnknown: true });
        return messages.append(...args);
      };
      const later = harness({ ...under.store, messages: { ...messages, append } });
      later.clock.now += 8 * 86_400_000;
      await expect(later.memory.add(caller, 'theirs', said('hello'))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringMatching(
          /repeat it with these uuids, in this order: [0-9a-f-]{36}\.$/,
        ),
      });
      expect(tries).toBe(2);
    });
  });

  describe('get_memory', () => {
    it('is NOT_FOUND for a session that never existed, and empty for one without messages', async () => {
      await expect(at.memory.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await at.sessions.add(caller, { session_id: 's' });
      expect(await at.memory.get(caller, 's')).toMatchObject({
        messages: [],
        older_message_count: 0,
        omitted_message_count: 0,
      });
    });

    it('returns the last messages in order, and how many came before', async () => {
      await add(many(20));
      const memory = await at.memory.get(caller, 's');
      expect(memory.messages.map(({ seq }) => seq)).toStrictEqual([
        9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
      ]);
      expect(memory).toMatchObject({ older_message_count: 8, session: { message_count: 20 } });
      const three = await at.memory.get(caller, 's', { last_n: 3 });
      expect(three.messages.map(({ content }) => content)).toStrictEqual(['m18', 'm19', 'm20']);
    });

    it('keeps the newest messages that fit, and says how many did not', async () => {
      await add(said('x'.repeat(400), 'y'.repeat(400), 'z'.repeat(400)));
      const memory = await at.memory.get(caller, 's', { max_tokens: 350 });
      expect(memory.messages.map(({ content }) => content[0])).toStrictEqual(['y', 'z']);
      expect(memory).toMatchObject({ older_message_count: 1, omitted_message_count: 1 });
      expect(await at.memory.get(caller, 's', { max_tokens: 99 })).toMatchObject({
        messages: [],
        older_message_count: 3,
        omitted_message_count: 3,
      });
    });

    it('returns the newest summary with the messages behind it', async () => {
      await add(many(40));
      await at.memory.summarize(caller, 's', { content: 'up to 10', up_to_seq: 10 });
      await at.memory.summarize(caller, 's', { content: 'up to 20', up_to_seq: 20 });
      const memory = await at.memory.get(caller, 's');
      expect(memory.summary).toMatchObject({ content: 'up to 20', up_to_seq: 20 });
      expect(memory.messages.map(({ seq }) => seq)).toStrictEqual(
        Array.from({ length: 20 }, (_, i) => 21 + i),
      );
      await at.memory.summarize(caller, 's', { content: 'all', up_to_seq: 40 });
      expect((await at.memory.get(caller, 's')).messages).toHaveLength(12);
    });

    it('says when more than twice the window lies unsummarized, as does add_memory', async () => {
      expect(await add(many(24))).not.toHaveProperty('summaryBacklog');
      const range = { from_seq: 1, up_to_seq: 25 };
      expect(await add(said('one more'))).toMatchObject({ summaryBacklog: range });
      expect(await at.memory.get(caller, 's')).toMatchObject({ summaryBacklog: range });
      expect(await at.memory.get(caller, 's', { last_n: 13 })).not.toHaveProperty('summaryBacklog');
      await at.memory.summarize(caller, 's', { content: 'x', up_to_seq: 25 });
      expect(await at.memory.get(caller, 's')).not.toHaveProperty('summaryBacklog');
    });
  });

  describe('set_summary', () => {
    it.each([0, 4])('refuses a point that is no live message: %i of 3', async (up_to_seq) => {
      await add(many(3));
      await expect(
        at.memory.summarize(caller, 's', { content: 'x', up_to_seq }),
      ).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('1 to 3'),
      });
    });

    it('refuses to go back behind the newest summary, and takes a retry', async () => {
      await add(many(10));
      const summary = { content: 'x', up_to_seq: 5 };
      await at.memory.summarize(caller, 's', summary);
      await at.memory.summarize(caller, 's', summary);
      await expect(
        at.memory.summarize(caller, 's', { content: 'late', up_to_seq: 4 }),
      ).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('5 to 10'),
      });
    });

    it('is NOT_FOUND without a session, and refused without messages', async () => {
      const summary = { content: 'x', up_to_seq: 1 };
      await expect(at.memory.summarize(caller, 's', summary)).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await at.sessions.add(caller, { session_id: 's' });
      await expect(at.memory.summarize(caller, 's', summary)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('add_memory'),
      });
    });
  });

  describe('list_messages', () => {
    const page = (query: Partial<Parameters<typeof at.memory.list>[2]>) =>
      at.memory.list(caller, 's', { order: 'asc', ...query });
    const seqs = async (query: Parameters<typeof page>[0]) =>
      (await page(query)).messages.map(({ seq }) => seq);

    beforeEach(async () => {
      await add(many(7));
    });

    it.each(['asc', 'desc'] as const)('goes through everything, %s', async (order) => {
      const seen: number[] = [];
      let cursor: string | undefined;
      do {
        const next = await page({ order, limit: 3, cursor });
        seen.push(...next.messages.map(({ seq }) => seq));
        cursor = next.next_cursor;
      } while (cursor !== undefined);
      const all = [1, 2, 3, 4, 5, 6, 7];
      expect(seen).toStrictEqual(order === 'asc' ? all : all.toReversed());
    });

    it('starts at a message, both ways', async () => {
      expect(await seqs({ from_seq: 5 })).toStrictEqual([5, 6, 7]);
      expect(await seqs({ from_seq: 3, order: 'desc' })).toStrictEqual([3, 2, 1]);
      expect(await seqs({ from_seq: 8 })).toStrictEqual([]);
    });

    it('pages by number, and counts when asked to', async () => {
      expect(await seqs({ page_size: 3, page_number: 2 })).toStrictEqual([4, 5, 6]);
      expect(await seqs({ page_size: 3, page_number: 3 })).toStrictEqual([7]);
      expect(await seqs({ page_size: 3, page_number: 2, order: 'desc' })).toStrictEqual([4, 3, 2]);
      expect(await seqs({ page_size: 3, page_number: 4 })).toStrictEqual([]);
      expect(await seqs({ from_seq: 2, page_size: 2, page_number: 2 })).toStrictEqual([4, 5]);
      expect(
        await seqs({ from_seq: 6, page_size: 2, page_number: 2, order: 'desc' }),
      ).toStrictEqual([4, 3]);
      expect(await page({ limit: 1, include_total: true })).toMatchObject({ total_count: 7 });
    });

    it('goes on while messages are added', async () => {
      const first = await page({ limit: 5 });
      await add(said('late'));
      const rest = await seqs({ limit: 5, cursor: first.next_cursor });
      expect(rest).toStrictEqual([6, 7, 8]);
    });

    it('refuses a cursor of another session', async () => {
      const { next_cursor } = await page({ limit: 1 });
      await add(said('x', 'y'), 'other');
      await expect(
        at.memory.list(caller, 'other', { order: 'asc', limit: 1, cursor: next_cursor }),
      ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('reads any stretch of what is there, and nothing that was left behind', async () => {
      await add(many(7), 'other');
      await at.sessions.delete(caller, 'other');
      await add(many(20), 'other');
      await at.memory.summarize(caller, 'other', { content: 'so far', up_to_seq: 17 });
      const all = Array.from({ length: 20 }, (_, i) => 8 + i);
      const stretch = fc.record(
        {
          order: fc.constantFrom('asc' as const, 'desc' as const),
          limit: fc.integer({ min: 1, max: 25 }),
          after: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(8.64e15, -8.64e15)),
          offset: fc.integer({ min: 0, max: 25 }),
          unsummarized: fc.integer({ min: 0, max: 25 }),
        },
        { requiredKeys: ['order', 'limit'] },
      );
      const enough = { total: 90_000, each: 8000 };
      const metadataMaxBytes = 8000;
      await fc.assert(
        fc.asyncProperty(stretch, async ({ after, offset = 0, ...rest }) => {
          const { order, limit, unsummarized = 0 } = rest;
          const given = {
            ...rest,
            enough,
            metadataMaxBytes,
            offset,
            ...(after !== undefined && { after }),
          };
          const read = await at.store.messages.read(caller, 'other', given);
          const behind = order === 'asc' ? (after ?? 0) : (after ?? Number.POSITIVE_INFINITY);
          const expected =
            order === 'asc'
              ? all.filter((seq) => seq > behind)
              : all.filter((seq) => seq < behind).reverse();
          expect(read?.messages.map(({ seq }) => seq)).toStrictEqual(
            expected.slice(offset, offset + Math.max(limit, Math.min(unsummarized, 10))),
          );
          expect(read?.conversation).toMatchObject({ first_seq: 8, last_seq: 27 });
        }),
        { numRuns: 60 },
      );
    });

    it('reads as many of the longest messages as were stored', async () => {
      const content = 'x'.repeat(1024 * 1024);
      const six = said(...Array.from({ length: 6 }, () => content));
      for (let i = 0; i < 3; i++) await add(six, 'other');
      const seqs: number[] = [];
      let cursor: string | undefined;
      do {
        const page = await at.memory.list(caller, 'other', { order: 'asc', limit: 50, cursor });
        seqs.push(...page.messages.map(({ seq }) => seq));
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      expect(seqs).toStrictEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    });

    it('shows a long content in parts that make up the whole', async () => {
      const long = '👍é\u0001x'.repeat(20_000);
      await add(said(long), 'long');
      let whole = '';
      let content_offset: number | undefined = 0;
      while (content_offset !== undefined) {
        const { messages } = await at.memory.list(caller, 'long', { order: 'asc', content_offset });
        const [part] = messages;
        expect(part?.content.isWellFormed()).toBe(true);
        expect(part?.content_length).toBe(long.length);
        whole += part?.content;
        content_offset = part?.next_content_offset;
      }
      expect(whole).toBe(long);
    });
  });

  describe('update_message_metadata', () => {
    it('merges, and leaves content and order as they are', async () => {
      const { messages } = await add([{ role: 'user', content: 'x', metadata: { a: { b: 1 } } }]);
      const uuid = messages[0]?.uuid as string;
      at.clock.now += 10;
      const message = await at.memory.updateMetadata(caller, 's', uuid, { a: { c: 2 }, d: 3 });
      expect(message).toMatchObject({
        uuid,
        seq: 1,
        content: 'x',
        metadata: { a: { b: 1, c: 2 }, d: 3 },
        updated_at: new Date(at.clock.now).toISOString(),
      });
      expect(await list()).toStrictEqual([message]);
    });

    it('keeps all keys that callers set at once', async () => {
      const { messages } = await add(said('x'));
      const uuid = messages[0]?.uuid as string;
      await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          at.memory.updateMetadata(caller, 's', uuid, { [`k${i}`]: i }),
        ),
      );
      expect(Object.keys((await list())[0]?.metadata ?? {})).toHaveLength(20);
    });

    it('is NOT_FOUND for a message or a session that is not there', async () => {
      const uuid = randomUUID();
      const update = () => at.memory.updateMetadata(caller, 's', uuid, {});
      await expect(update()).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('add_session'),
      });
      await add(said('x'));
      await expect(update()).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringContaining('list_messages'),
      });
    });
  });

  it('does not reach into another namespace', async () => {
    await add(said('mine'));
    const stranger = { namespace: `${caller.namespace}-other` };
    await expect(at.memory.get(stranger, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.memory.add(stranger, 's', said('theirs'));
    expect(await contents()).toStrictEqual(['mine']);
  });
});
