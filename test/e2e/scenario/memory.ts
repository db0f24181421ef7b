import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { MatrixCase } from './matrix-case.ts';

/** The fields of messages that tests compare. */
const said = (messages: { seq: number; role: string; content: string }[]) =>
  messages.map(({ seq, role, content }) => [seq, role, content]);

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `message ${i + 1}`);

/** Messages in order, and summaries. */
export function memory(matrixCase: MatrixCase): void {
  it('gets back the conversation that it added, and a retry adds nothing twice', async () => {
    const session_id = randomUUID();
    const uuid = randomUUID();
    const question = {
      role: 'user',
      content: 'Ünï 🦊\n\t"quoted"',
      metadata: { 'a.b': [1, null] },
    };
    const answer = { role: 'assistant', content: '', uuid };
    const added = await matrixCase.call('add_memory', { session_id, messages: [question, answer] });
    expect(added).toEqual({
      session: {
        session_id,
        uuid: expect.any(String),
        message_count: 2,
        last_message_at: expect.any(String),
      },
      messages: [
        { uuid: expect.any(String), seq: 1, status: 'created' },
        { uuid, seq: 2, status: 'created' },
      ],
      created: true,
    });

    const better = { ...answer, content: 'better' };
    const more = { role: 'Ünï 🦊', content: 'more' };
    const again = await matrixCase.call('add_memory', { session_id, messages: [better, more] });
    expect(again.messages).toEqual([
      { uuid, seq: 2, status: 'updated' },
      { uuid: expect.any(String), seq: 3, status: 'created' },
    ]);

    const { messages, ...rest } = await matrixCase.call('get_memory', { session_id });
    expect(said(messages)).toEqual([
      [1, question.role, question.content],
      [2, 'assistant', 'better'],
      [3, more.role, more.content],
    ]);
    expect(messages[0].metadata).toEqual(question.metadata);
    expect(messages[1]).toEqual({ uuid, seq: 2, role: 'assistant', content: 'better' });
    expect(rest).toEqual({
      session: expect.objectContaining({ session_id, message_count: 3 }),
      older_message_count: 0,
    });
  });

  it('gets the last messages, as many as it asks for and as fit', async () => {
    const session_id = await matrixCase.addConversation(numbered(20));
    const seqs = async (args: Record<string, unknown>) => {
      const { messages, ...rest } = await matrixCase.call('get_memory', { session_id, ...args });
      const { older_message_count, omitted_message_count } = rest;
      return [
        messages.map(({ seq }: { seq: number }) => seq),
        older_message_count,
        omitted_message_count,
      ];
    };
    const twelve = Array.from({ length: 12 }, (_, i) => 9 + i);
    expect(await seqs({})).toEqual([twelve, 8, undefined]);
    expect(await seqs({ last_n: 2 })).toEqual([[19, 20], 18, undefined]);
    // A token is taken for four bytes of what is sent.
    const [fewer, older, omitted] = await seqs({ last_n: 12, max_tokens: 250 });
    expect(fewer).toEqual(twelve.slice(-fewer.length));
    expect([older, omitted]).toEqual([20 - fewer.length, 12 - fewer.length]);
    const { text } = await matrixCase.client.callTool('get_memory', {
      ...{ session_id, last_n: 12, max_tokens: 250 },
    });
    expect(text.length / 4).toBeLessThan(275);
    expect(text.length / 4).toBeGreaterThan(150);
    expect(await seqs({ last_n: 3, max_tokens: 1 })).toEqual([[], 20, 3]);
  });

  it('pages through all messages from either end', async () => {
    const session_id = await matrixCase.addConversation(numbered(5));
    for (const order of ['asc', 'desc']) {
      const args = { session_id, order, limit: 2 };
      const { records, pages } = await matrixCase.everything('list_messages', 'messages', args);
      const seqs = records.map(({ seq }) => seq);
      expect(pages).toEqual([2, 2, 1]);
      expect(order === 'asc' ? seqs : seqs.toReversed()).toEqual([1, 2, 3, 4, 5]);
    }
    const { messages, total_count } = await matrixCase.call('list_messages', {
      session_id,
      from_seq: 4,
      include_total: true,
    });
    expect(said(messages)).toEqual([
      [4, 'user', 'message 4'],
      [5, 'user', 'message 5'],
    ]);
    expect(total_count).toBe(5);

    const { next_cursor: cursor } = await matrixCase.call('list_messages', {
      session_id,
      limit: 1,
    });
    const other = { session_id, order: 'desc', cursor };
    await matrixCase.refused('list_messages', other, 'INVALID_ARGUMENT');
  });

  it("merges a message's metadata, and leaves what was said as it is", async () => {
    const session_id = randomUUID();
    const metadata = { keep: 1, drop: 2, deep: { a: 1 } };
    const messages = [{ role: 'user', content: 'said', metadata }];
    const [{ uuid }] = (await matrixCase.call('add_memory', { session_id, messages })).messages;
    const patch = { drop: null, deep: { b: [2] } };
    const args = { session_id, uuid, metadata: patch };
    const { message } = await matrixCase.call('update_message_metadata', args);
    expect(message).toMatchObject({ uuid, seq: 1, role: 'user', content: 'said' });
    expect(message.metadata).toEqual({ keep: 1, deep: { a: 1, b: [2] } });
    expect((await matrixCase.call('list_messages', { session_id })).messages).toEqual([message]);
    const unknown = { ...args, uuid: randomUUID() };
    expect(await matrixCase.refused('update_message_metadata', unknown, 'NOT_FOUND')).toContain(
      'list_messages',
    );
  });

  it('forgets single messages, and gets them back', async () => {
    const session_id = await matrixCase.addConversation(['one', 'two zephyrs', 'three']);
    const read = async () => said((await matrixCase.call('get_memory', { session_id })).messages);
    const before = await matrixCase.call('list_messages', { session_id });
    const { uuid } = before.messages[1];
    const deletion = await matrixCase.call('delete_messages', { session_id, uuids: [uuid] });
    expect(deletion).toMatchObject({
      session: { session_id, message_count: 2 },
      ...{ deleted_message_count: 1, purge_at: expect.any(String) },
    });
    expect((await read()).map(([seq]) => seq)).toEqual([1, 3]);
    const search = { query: 'zephyr', session_id };
    expect((await matrixCase.call('search_memory', search)).hits).toEqual([]);
    const change = { session_id, uuid, metadata: {} };
    expect(await matrixCase.refused('update_message_metadata', change, 'NOT_FOUND')).toContain(
      'restore_messages',
    );
    const restored = await matrixCase.call('restore_messages', { session_id, uuids: [uuid] });
    expect(restored).toMatchObject({ session: { message_count: 3 }, restored_message_count: 1 });
    expect(await matrixCase.call('list_messages', { session_id })).toEqual(before);
    const unknown = { session_id, uuids: [uuid, randomUUID()] };
    await matrixCase.refused('delete_messages', unknown, 'NOT_FOUND');
    expect(await read()).toHaveLength(3);
  });

  it('is advised to summarize what is long, and gets the summary with what came after', async () => {
    const session_id = await matrixCase.addConversation(numbered(24));
    const messages = [{ role: 'user', content: 'message 25' }];
    const { advice } = await matrixCase.call('add_memory', { session_id, messages });
    expect(advice).toContain('set_summary up_to_seq 25');
    expect((await matrixCase.call('get_memory', { session_id })).advice).toBe(advice);

    const summary = { content: 'Much was said. 🦊', up_to_seq: 20 };
    const set = await matrixCase.call('set_summary', { session_id, ...summary });
    expect(set).toMatchObject({ session: { session_id, message_count: 25 }, summary });
    const found = await matrixCase.call('get_memory', { session_id, last_n: 4 });
    expect(found.summary).toEqual(set.summary);
    expect(said(found.messages)).toEqual(
      [21, 22, 23, 24, 25].map((seq) => [seq, 'user', `message ${seq}`]),
    );
    expect(found).not.toHaveProperty('advice');

    for (const up_to_seq of [19, 26]) {
      const args = { session_id, content: 'x', up_to_seq };
      expect(await matrixCase.refused('set_summary', args, 'INVALID_ARGUMENT')).toContain(
        '20 to 25',
      );
    }
  });

  it('loses a conversation with its session, and gets it back with it', async () => {
    const session_id = await matrixCase.addConversation(['one', 'two']);
    const before = await matrixCase.call('get_memory', { session_id });
    const [{ uuid }] = before.messages;
    const deletion = await matrixCase.call('delete_session', { session_id });
    expect(deletion.deleted_message_count).toBe(2);
    for (const [tool, args] of [
      ['get_memory', {}],
      ['list_messages', {}],
      ['update_message_metadata', { uuid, metadata: {} }],
      ['set_summary', { content: 'x', up_to_seq: 1 }],
    ] as const) {
      const message = await matrixCase.refused(tool, { session_id, ...args }, 'NOT_FOUND');
      expect(message).toContain('restore_session');
      expect(message).toContain(deletion.purge_at);
    }
    await matrixCase.call('restore_session', { session_id });
    expect(await matrixCase.call('get_memory', { session_id })).toEqual(before);
  });

  it('brings a deleted session back with add_memory, and its messages with restore_session', async () => {
    const session_id = await matrixCase.addConversation(['one', 'two']);
    await matrixCase.call('set_summary', { session_id, content: 'Two were said.', up_to_seq: 2 });
    const before = await matrixCase.call('get_memory', { session_id });
    const { session: deleted, purge_at } = await matrixCase.call('delete_session', { session_id });
    const uuid = randomUUID();
    const messages = [{ role: 'user', content: 'three', uuid }];
    const added = await matrixCase.call('add_memory', { session_id, messages });
    expect(added).toMatchObject({
      session: { uuid: deleted.uuid, message_count: 1 },
      ...{ revived: true, deleted_message_count: 2, purge_at },
    });
    expect(added.advice).toContain('restore_session');
    expect(added.advice).toContain(purge_at);
    const again = await matrixCase.call('add_memory', { session_id, messages });
    const { session: _, ...told } = added;
    expect(again).toMatchObject({ ...told, messages: [{ uuid, seq: 3, status: 'updated' }] });
    const found = await matrixCase.call('get_memory', { session_id });
    expect(said(found.messages)).toEqual([[3, 'user', 'three']]);
    expect(found).not.toHaveProperty('summary');
    expect(found.older_message_count).toBe(0);

    const next = [{ role: 'user', content: 'four' }];
    const quiet = await matrixCase.call('add_memory', { session_id, messages: next });
    for (const field of ['revived', 'deleted_message_count', 'purge_at', 'advice']) {
      expect(quiet).not.toHaveProperty(field);
    }
    const restored = await matrixCase.call('restore_session', { session_id });
    expect(restored.restored_message_count).toBe(2);
    const whole = await matrixCase.call('get_memory', { session_id });
    expect(restored.session).toMatchObject(whole.session);
    expect(whole.summary).toEqual(before.summary);
    const listed = await matrixCase.call('list_messages', { session_id });
    expect(said(listed.messages).map(([seq, , content]) => [seq, content])).toEqual([
      [1, 'one'],
      [2, 'two'],
      [3, 'three'],
      [4, 'four'],
    ]);
    expect(await matrixCase.call('restore_session', { session_id })).toEqual({
      session: restored.session,
      restored_message_count: 0,
    });
  });
}
