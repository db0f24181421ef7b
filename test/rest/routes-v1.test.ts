import { describe, expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

describeRest('REST, the first generation', ({ services, send }) => {
  const add = (path: string, ...contents: string[]) =>
    send('POST', `/api/v1/sessions/${path}/memory`, {
      messages: contents.map((content) => ({ role: 'human', content })),
    });
  const contents = async (path: string) => {
    const { body } = await send('GET', `/api/v1/sessions/${path}/memory?lastn=100`);
    return (body as { messages: { content: string }[] }).messages.map(({ content }) => content);
  };

  describe('a session', () => {
    it('is added, merged, read and listed as the clients know it', async () => {
      await send('POST', '/api/v1/user', { user_id: 'ada' });
      const added = await send('POST', '/api/v1/sessions', {
        ...{ session_id: 's', user_id: 'ada', metadata: { foo: 'bar' } },
      });
      expect(added).toMatchObject({
        status: 201,
        body: { session_id: 's', user_id: 'ada', metadata: { foo: 'bar' }, deleted_at: null },
      });
      const { id, uuid } = added.body as { id: number; uuid: string };
      expect(Number.isSafeInteger(id)).toBe(true);
      const patched = await send('PATCH', '/api/v1/sessions/s', {
        ...{ session_id: 's', metadata: { qax: { deep: 1 } } },
      });
      const merged = { id, uuid, metadata: { foo: 'bar', qax: { deep: 1 } } };
      expect(patched).toMatchObject({ status: 200, body: merged });
      expect(await send('GET', '/api/v1/sessions/s')).toStrictEqual(patched);
      expect((await send('GET', '/api/v1/sessions')).body).toStrictEqual([patched.body]);
      expect((await send('GET', '/api/v1/user/ada/sessions')).body).toStrictEqual([patched.body]);
    });

    it('without metadata or user has null there', async () => {
      const { body } = await send('POST', '/api/v1/sessions', { session_id: 's' });
      expect(body).toMatchObject({ metadata: null, user_id: null });
    });

    it('is refused with 400 if its identifier is taken, also by a deleted one', async () => {
      await send('POST', '/api/v1/sessions', { session_id: 's' });
      const again = () => send('POST', '/api/v1/sessions', { session_id: 's' });
      expect(await again()).toMatchObject({
        status: 400,
        body: expect.stringMatching(/exists already/),
      });
      await send('DELETE', '/api/v1/sessions/s/memory');
      expect(await again()).toMatchObject({
        status: 400,
        body: expect.stringMatching(/was deleted at/),
      });
    });

    it('of an unknown user, or a deleted one, is refused with 400', async () => {
      const addOf = (user_id: string) =>
        send('POST', '/api/v1/sessions', { session_id: 's', user_id });
      expect(await addOf('nobody')).toMatchObject({
        status: 400,
        body: expect.stringMatching(/^user not found: there is no user/),
      });
      await services.users.add(services.caller, { user_id: 'ada' });
      await services.users.delete(services.caller, 'ada');
      expect(await addOf('ada')).toMatchObject({
        status: 400,
        body: expect.stringMatching(/^user not found: user "ada" was deleted at/),
      });
    });

    it('that was deleted is gone, and a patch brings it back with its messages', async () => {
      await add('s', 'one', 'two');
      expect(await send('DELETE', '/api/v1/sessions/s/memory')).toEqual({
        status: 200,
        body: 'OK',
      });
      expect((await send('DELETE', '/api/v1/sessions/s/memory')).status).toBe(404);
      expect((await send('GET', '/api/v1/sessions/s')).status).toBe(404);
      expect((await send('GET', '/api/v1/sessions')).body).toStrictEqual([]);
      const back = await send('PATCH', '/api/v1/sessions/s', { metadata: { again: true } });
      expect(back).toMatchObject({ status: 200, body: { metadata: { again: true } } });
      expect(await contents('s')).toStrictEqual(['one', 'two']);
    });

    it('that nobody knows cannot be patched', async () => {
      expect((await send('PATCH', '/api/v1/sessions/s', { metadata: {} })).status).toBe(404);
    });

    it('has any identifier, however its client encodes it', async () => {
      for (const id of ['a/b', '100%', 'ü', '😀 x', 'a.b..c', 'x/memory/y', '%zz', 'a+b&c=d']) {
        await send('POST', '/api/v1/sessions', { session_id: id });
        const whole = await send('GET', `/api/v1/sessions/${encodeURIComponent(id)}`);
        expect(whole).toMatchObject({ status: 200, body: { session_id: id } });
        const plain = await send('GET', `/api/v1/sessions/${encodeURI(id).replace('%25', '%')}`);
        expect(plain).toStrictEqual(whole);
        await send('POST', `/api/v1/sessions/${encodeURI(id)}/memory`, {
          messages: [{ role: 'user', content: id }],
        });
        expect(await contents(encodeURIComponent(id))).toStrictEqual([id]);
      }
    });
  });

  it('lists are oldest first, by an offset, and whole without a limit', async () => {
    const ids = Array.from({ length: 7 }, (_, i) => `s${i}`);
    for (const session_id of ids) {
      services.clock.now += 1000;
      await send('POST', '/api/v1/sessions', { session_id });
    }
    const listed = async (query: string) => {
      const { body } = await send('GET', `/api/v1/sessions?${query}`);
      return (body as { session_id: string }[]).map(({ session_id }) => session_id);
    };
    expect(await listed('')).toStrictEqual(ids);
    expect(await listed('limit=3')).toStrictEqual(ids.slice(0, 3));
    expect(await listed('limit=3&cursor=3')).toStrictEqual(ids.slice(3, 6));
    expect(await listed('limit=3&cursor=5')).toStrictEqual(ids.slice(5));
    expect(await listed('limit=3&cursor=7')).toStrictEqual([]);
    expect(await listed('limit=&cursor=')).toStrictEqual(ids);
  });

  describe('memory', () => {
    it('of an unknown session is empty', async () => {
      expect(await send('GET', '/api/v1/sessions/s/memory')).toEqual({
        ...{ status: 200, body: { messages: [] } },
      });
    });

    it('has the last twelve messages, or as many as are asked for', async () => {
      await add('s', ...Array.from({ length: 20 }, (_, i) => `m${i}`));
      const read = async (query: string) => {
        const { body } = await send('GET', `/api/v1/sessions/s/memory${query}`);
        return (body as { messages: { content: string }[] }).messages.map(({ content }) => content);
      };
      expect(await read('')).toStrictEqual(Array.from({ length: 12 }, (_, i) => `m${i + 8}`));
      expect(await read('?minRating=&lastn=2')).toStrictEqual(['m18', 'm19']);
      expect(await read('?lastn=100')).toHaveLength(20);
    });

    it('keeps roles as they are sent, uuids, metadata and the metadata of its session', async () => {
      const uuid = '0192aaaa-0000-7000-8000-000000000001';
      const message = { role: 'Human', content: 'hi', metadata: { a: [1] }, uuid };
      const body = { messages: [message], metadata: { topic: 'x' } };
      expect(await send('POST', '/api/v1/sessions/s/memory', body)).toEqual({
        ...{ status: 200, body: 'OK' },
      });
      const memory = await send('GET', '/api/v1/sessions/s/memory');
      expect(memory.body).toMatchObject({ messages: [message], metadata: { topic: 'x' } });
      const one = await send('GET', `/api/v1/sessions/s/messages/${uuid}`);
      expect(one.body).toMatchObject({ ...message, token_count: 1 });
    });

    it('has the summary that was given, with the message that it reaches to', async () => {
      const uuid = '0192aaaa-0000-7000-8000-000000000002';
      await send('POST', '/api/v1/sessions/s/memory', {
        messages: [
          { role: 'user', content: 'one' },
          { role: 'user', content: 'two', uuid },
        ],
        summary: { content: 'One and two.' },
      });
      const read = async () =>
        ((await send('GET', '/api/v1/sessions/s/memory')).body as { summary: object }).summary;
      const summary = await read();
      expect(summary).toMatchObject({
        ...{ content: 'One and two.', recent_message_uuid: uuid, token_count: 3 },
      });
      await add('s', 'three');
      expect(await read()).toStrictEqual(summary);
    });

    it('added to a deleted session begins it anew', async () => {
      await add('s', 'old');
      await send('DELETE', '/api/v1/sessions/s/memory');
      await send('POST', '/api/v1/sessions/s/memory', {
        ...{ messages: [{ role: 'user', content: 'new' }], metadata: { a: 1 } },
      });
      expect(await contents('s')).toStrictEqual(['new']);
      expect((await send('GET', '/api/v1/sessions/s')).body).toMatchObject({ metadata: { a: 1 } });
    });
  });

  it('messages are paged by number, and their metadata is merged in both spellings', async () => {
    await add('s', ...Array.from({ length: 5 }, (_, i) => `m${i}`));
    const page = await send('GET', '/api/v1/sessions/s/messages?limit=2&cursor=3');
    expect(page.body).toMatchObject({
      ...{ messages: [{ content: 'm4', metadata: {} }], total_count: 5, row_count: 1 },
    });
    const { uuid } = (page.body as { messages: { uuid: string }[] }).messages[0] as {
      uuid: string;
    };
    const path = `/api/v1/sessions/s/messages/${uuid}`;
    await send('PATCH', path, { metadata: { a: { b: 1 } } });
    const patched = await send('PATCH', path, { a: { c: 2 }, d: null });
    expect(patched.body).toMatchObject({ content: 'm4', metadata: { a: { b: 1, c: 2 } } });
  });

  it('search finds messages in a session, the best with dist 1', async () => {
    await add('s', 'I live in Lisbon', 'the weather is fine', 'Lisbon has hills');
    await add('t', 'Lisbon too');
    const { body } = await send('POST', '/api/v1/sessions/s/search?limit=1', {
      ...{ text: 'where is Lisbon', metadata: null, mmr_lambda: null },
    });
    expect(body).toMatchObject([
      { message: { content: expect.stringMatching(/Lisbon/) }, summary: null, dist: 1 },
    ]);
    expect((await send('POST', '/api/v1/sessions/u/search', { text: 'x' })).status).toBe(404);
    const refused = await send('POST', '/api/v1/sessions/s/search', {
      ...{ text: 'Lisbon', metadata: { where: { jsonpath: '$' } } },
    });
    expect(refused).toMatchObject({
      status: 400,
      body: expect.stringMatching(/JSONPath is not served/),
    });
  });

  it('users are added, changed, listed and deleted with their sessions', async () => {
    const user = {
      user_id: 'ada',
      email: 'ada@example.org',
      first_name: 'Ada',
      metadata: { a: 1 },
    };
    const added = await send('POST', '/api/v1/user', user);
    expect(added).toMatchObject({ status: 201, body: { ...user, last_name: null } });
    expect((await send('POST', '/api/v1/user', user)).status).toBe(400);
    const changed = await send('PATCH', '/api/v1/user/ada', {
      ...{ user_id: 'ada', last_name: 'L', email: null, metadata: { b: 2 } },
    });
    const expected = { email: user.email, last_name: 'L', metadata: { a: 1, b: 2 } };
    expect(changed.body).toMatchObject(expected);
    expect((await send('GET', '/api/v1/user?limit=1&cursor=')).body).toStrictEqual([changed.body]);
    await send('POST', '/api/v1/sessions', { session_id: 's', user_id: 'ada' });
    expect(await send('DELETE', '/api/v1/user/ada')).toEqual({ status: 200, body: 'OK' });
    for (const path of ['user/ada', 'sessions/s', 'user/ada/sessions']) {
      expect((await send('GET', `/api/v1/${path}`)).status).toBe(404);
    }
    expect((await send('DELETE', '/api/v1/user/ada')).status).toBe(404);
  });
});
