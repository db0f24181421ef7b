import { describe, expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

describeRest('REST, the second generation', ({ services, send }) => {
  const add = (session_id: string, ...messages: object[]) =>
    send('POST', `/api/v2/sessions/${session_id}/memory`, { messages });
  const read = async (session_id: string) => {
    const { body } = await send('GET', `/api/v2/sessions/${session_id}/memory`);
    return (body as { messages: Record<string, unknown>[] }).messages;
  };

  it('a session is added, merged and read', async () => {
    await send('POST', '/api/v2/users', { user_id: 'ada' });
    const added = await send('POST', '/api/v2/sessions', { session_id: 's', user_id: 'ada' });
    expect(added).toMatchObject({ status: 201, body: { session_id: 's', user_id: 'ada' } });
    const patched = await send('PATCH', '/api/v2/sessions/s', { metadata: { a: 1 } });
    expect(patched).toMatchObject({ status: 200, body: { metadata: { a: 1 } } });
    expect(await send('GET', '/api/v2/sessions/s')).toStrictEqual(patched);
    expect((await send('GET', '/api/v2/users/ada/sessions')).body).toStrictEqual([patched.body]);
  });

  it('a session of an unknown user, or with a taken identifier, is refused with 400', async () => {
    const unknown = await send('POST', '/api/v2/sessions', { session_id: 's', user_id: 'nobody' });
    const message = expect.stringContaining('user not found');
    expect(unknown).toMatchObject({ status: 400, body: { message } });
    await send('POST', '/api/v2/sessions', { session_id: 's' });
    expect((await send('POST', '/api/v2/sessions', { session_id: 's' })).status).toBe(400);
  });

  it('sessions are listed newest first by page, with both spellings and all counts', async () => {
    for (const session_id of ['a', 'b', 'c']) {
      services.clock.now += 1000;
      await send('POST', '/api/v2/sessions', { session_id });
    }
    const listed = async (query: string) => {
      const { body } = await send('GET', `/api/v2/sessions-ordered?${query}`);
      const { sessions, ...counts } = body as { sessions: { session_id: string }[] };
      return { ids: sessions.map(({ session_id }) => session_id).join(''), ...counts };
    };
    const all = { ids: 'cba', total_count: 3, response_count: 3 };
    expect(await listed('page_number=1&page_size=10')).toStrictEqual(all);
    expect(await listed('asc=&order_by=&page_size=10&page_number=1')).toStrictEqual(all);
    expect(await listed('')).toStrictEqual(all);
    const second = { ids: 'a', total_count: 3, response_count: 1 };
    expect(await listed('pageNumber=2&pageSize=2')).toStrictEqual(second);
    expect((await listed('asc=true&page_size=2')).ids).toBe('ab');
    expect(await listed('page_number=1')).toStrictEqual(all);
    expect((await listed('page_number=2')).ids).toBe('');
  });

  describe('a message', () => {
    it('keeps the name of its speaker beside the type of the role', async () => {
      const sent = [
        { role: 'Ada', role_type: 'user', content: 'I moved to Lisbon', metadata: { a: 1 } },
        { role: 'Human', role_type: 'user', content: 'b' },
        { role_type: 'assistant', content: 'c' },
        { role: 'weather', role_type: 'tool', content: 'd' },
        { role: 'someone', role_type: 'norole', content: 'e' },
      ];
      expect(await add('s', ...sent)).toEqual({ status: 201, body: {} });
      const stored = await read('s');
      expect(stored).toMatchObject(sent);
      expect(stored[2]).not.toHaveProperty('role');
    });

    it('with a role alone has the type that this is, or none', async () => {
      await add('s', { role: 'user', content: 'a' }, { role: 'Ada', content: 'b' });
      expect(await read('s')).toMatchObject([
        { role_type: 'user', content: 'a' },
        { role: 'Ada', role_type: 'norole', content: 'b' },
      ]);
    });

    it('is the same through MCP, with the name among its parts', async () => {
      const { memory, caller } = services;
      await add('s', { role: 'Ada', role_type: 'user', content: 'a' });
      const { messages } = await memory.get(caller, 's');
      expect(messages).toMatchObject([{ role: 'user', content: 'a', parts: [{ name: 'Ada' }] }]);
      await memory.add(caller, 's', [
        { role: 'assistant', content: 'b', parts: [{ name: 'Bot' }, { tool_calls: [] }] },
        { role: 'critic', content: 'c' },
      ]);
      expect((await read('s')).slice(1)).toMatchObject([
        { role: 'Bot', role_type: 'assistant' },
        { role: 'critic', role_type: 'norole' },
      ]);
    });

    it('of the first generation has its role as the name, and the type that this means', async () => {
      await send('POST', '/api/v1/sessions/s/memory', {
        messages: ['Human', 'AI', 'user', 'judge'].map((role) => ({ role, content: role })),
      });
      expect(await read('s')).toMatchObject([
        { role: 'Human', role_type: 'user' },
        { role: 'AI', role_type: 'assistant' },
        { role_type: 'user' },
        { role: 'judge', role_type: 'norole' },
      ]);
    });
  });

  it('memory has the summary and the metadata of its session, and no context yet', async () => {
    await add('s', { role_type: 'user', content: 'one' });
    await services.memory.summarize(services.caller, 's', { content: 'One.', up_to_seq: 1 });
    await send('PATCH', '/api/v2/sessions/s', { metadata: { a: 1 } });
    const { body } = await send('GET', '/api/v2/sessions/s/memory');
    const [{ uuid } = {}] = await read('s');
    expect(body).toMatchObject({
      summary: { content: 'One.', recent_message_uuid: uuid, token_count: 1 },
      ...{ relevant_facts: [], metadata: { a: 1 } },
    });
    expect(body).not.toHaveProperty('context');
  });

  it('memory of an unknown or deleted session is not found', async () => {
    expect((await send('GET', '/api/v2/sessions/s/memory')).status).toBe(404);
    await add('s', { role_type: 'user', content: 'one' });
    const deleted = await send('DELETE', '/api/v2/sessions/s/memory');
    expect(deleted).toEqual({ status: 200, body: { message: 'OK' } });
    expect((await send('GET', '/api/v2/sessions/s/memory')).status).toBe(404);
    expect((await send('DELETE', '/api/v2/sessions/s/memory')).status).toBe(404);
  });

  it('messages are listed, read and changed one by one', async () => {
    await add(
      's',
      { role: 'Ada', role_type: 'user', content: 'a' },
      { role_type: 'tool', content: 'b' },
    );
    const { body } = await send('GET', '/api/v2/sessions/s/messages?limit=1&cursor=1');
    const { messages, ...counts } = body as { messages: { uuid: string }[] };
    expect(counts).toStrictEqual({ total_count: 2, row_count: 1 });
    const path = `/api/v2/sessions/s/messages/${messages[0]?.uuid}`;
    expect((await send('GET', path)).body).toStrictEqual(messages[0]);
    const patched = await send('PATCH', path, { metadata: { a: 1 } });
    expect(patched.body).toMatchObject({ role: 'Ada', metadata: { a: 1 } });
  });

  describe('search', () => {
    const search = async (body: object, query = '') => {
      const answer = await send('POST', `/api/v2/sessions/search${query}`, body);
      return (answer.body as { results: { session_id: string; score: number }[] }).results;
    };

    it('finds messages of some sessions, of a user, or everywhere, best first', async () => {
      await send('POST', '/api/v2/users', { user_id: 'ada' });
      await send('POST', '/api/v2/sessions', { session_id: 'a', user_id: 'ada' });
      for (const id of ['a', 'b', 'c'])
        await add(id, { role_type: 'user', content: 'Lisbon hills' });
      const found = async (body: object) =>
        (await search({ text: 'Lisbon', ...body })).map(({ session_id }) => session_id).toSorted();
      expect(await found({})).toStrictEqual(['a', 'b', 'c']);
      expect(await found({ user_id: 'ada' })).toStrictEqual(['a']);
      expect(await found({ session_ids: ['b', 'c'] })).toStrictEqual(['b', 'c']);
      expect(await search({ text: 'Lisbon' }, '?limit=2')).toHaveLength(2);
      const [best, ...others] = await search({ text: 'Lisbon', search_type: 'mmr' });
      expect(best?.score).toBe(1);
      for (const { score } of others) expect(score).toBeLessThanOrEqual(1);
    });

    it('finds the summaries of sessions in which the words were said', async () => {
      await add('a', { role_type: 'user', content: 'Lisbon hills' });
      await add('b', { role_type: 'user', content: 'Lisbon trams' });
      await services.memory.summarize(services.caller, 'b', { content: 'Trams.', up_to_seq: 1 });
      const found = await search({ text: 'Lisbon', search_scope: 'summary' });
      expect(found).toMatchObject([{ session_id: 'b', summary: { content: 'Trams.' } }]);
    });
  });

  it('users are added, listed, changed and deleted', async () => {
    const user = { user_id: 'ada', email: 'ada@example.org', metadata: { a: 1 } };
    const added = await send('POST', '/api/v2/users', user);
    expect(added).toMatchObject({ status: 201, body: user });
    const page = await send('GET', '/api/v2/users-ordered?pageNumber=1&pageSize=1');
    expect(page.body).toStrictEqual({ users: [added.body], total_count: 1, row_count: 1 });
    const changed = await send('PATCH', '/api/v2/users/ada', { first_name: 'Ada' });
    expect(changed.body).toMatchObject({ ...user, first_name: 'Ada' });
    const deleted = await send('DELETE', '/api/v2/users/ada');
    expect(deleted).toEqual({ status: 200, body: { message: 'OK' } });
    expect((await send('GET', '/api/v2/users/ada')).status).toBe(404);
  });

  it.each([
    '/api/v2/graph/clone',
    '/api/v2/graph/node/group/g',
    '/api/v2/groups',
    '/api/v2/sessions/s/classify',
    '/api/v1/collection/docs',
    '/api/v3/anything',
  ])('%s is not served, and the answer says so', async (path) => {
    const { status, body } = await send('POST', path, {});
    const text = typeof body === 'string' ? body : (body as { message: string }).message;
    expect({ status, text }).toMatchObject({
      ...{ status: 404, text: expect.stringMatching(/(not served|No model is run|no such route)/) },
    });
  });
});
