import { expect, it } from 'vitest';
import { describeRest } from './describe-rest.ts';

describeRest('an append without uuids', ({ services, send }) => {
  const body = { messages: [{ role: 'user', content: 'next', metadata: { a: [1] } }] };
  const append = (given: object = body) => send('POST', '/api/v1/sessions/s/memory', given);
  const contents = async () => {
    const { messages } = await services.memory.list(services.caller, 's', { order: 'asc' });
    return messages.map(({ content }) => content);
  };

  it('that repeats the last one shortly after it is stored once, and answered the same', async () => {
    const first = await append();
    services.clock.now += 10_000;
    expect(await append()).toStrictEqual(first);
    expect(await contents()).toStrictEqual(['next']);
  });

  it('of several messages is recognised by all of them', async () => {
    const several = (...texts: string[]) => ({
      messages: texts.map((content) => ({ role: 'user', content })),
    });
    await append(several('a', 'b', 'c'));
    await append(several('a', 'b', 'c'));
    await append(several('c'));
    await append(several('x', 'b', 'c'));
    expect(await contents()).toStrictEqual(['a', 'b', 'c', 'x', 'b', 'c']);
  });

  it('that is sent again while the first is under way is stored once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => append()));
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200]));
    expect(await contents()).toStrictEqual(['next']);
  });

  it('is stored again after another message', async () => {
    await append();
    await append({ messages: [{ role: 'assistant', content: 'here' }] });
    await append();
    expect(await contents()).toStrictEqual(['next', 'here', 'next']);
  });

  it('is stored again some time later', async () => {
    await append();
    services.clock.now += 20_000;
    await append();
    expect(await contents()).toStrictEqual(['next', 'next']);
  });

  it('of which some have uuids is recognised, too', async () => {
    const uuid = '0192aaaa-0000-7000-8000-000000000003';
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b', uuid },
    ];
    await Promise.all(Array.from({ length: 5 }, () => append({ messages })));
    await append({ messages });
    expect(await contents()).toStrictEqual(['a', 'b']);
  });

  it('with metadata of the session may be the first of several at once', async () => {
    const appends = Array.from({ length: 20 }, (_, i) =>
      append({ messages: [{ role: 'user', content: `${i}` }], metadata: { [`key${i}`]: i } }),
    );
    const answers = await Promise.all(appends);
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200]));
    expect(await contents()).toHaveLength(20);
    const { metadata } = await services.sessions.get(services.caller, 's');
    expect(Object.keys(metadata)).toHaveLength(20);
  });

  it('with empty metadata leaves the session as it is', async () => {
    await append();
    services.clock.now += 1000;
    await append({ ...body, metadata: {} });
    const { created_at, updated_at } = await services.sessions.get(services.caller, 's');
    expect(updated_at).toBe(created_at);
  });

  it('whose summary was not stored stores it when it is repeated', async () => {
    await append();
    await append({ ...body, summary: { content: 'so far' } });
    const { summary } = await services.memory.get(services.caller, 's');
    expect(summary).toMatchObject({ content: 'so far', up_to_seq: 1 });
    expect(await contents()).toStrictEqual(['next']);
  });

  it('whose summary comes behind a newer one is stored, and the newer summary stays', async () => {
    const uuid = '0192aaaa-0000-7000-8000-000000000003';
    await append({ messages: [{ role: 'user', content: 'first', uuid }] });
    await append({ ...body, summary: { content: 'newer' } });
    const late = { messages: [{ role: 'user', content: 'first!', uuid }] };
    expect((await append({ ...late, summary: { content: 'late' } })).status).toBe(200);
    const { summary } = await services.memory.get(services.caller, 's');
    expect(summary).toMatchObject({ content: 'newer' });
    expect(await contents()).toStrictEqual(['first!', 'next']);
  });

  it('to a session that was deleted begins it anew, and the deleted message can be restored', async () => {
    await append();
    await send('DELETE', '/api/v1/sessions/s/memory');
    await append();
    await append();
    expect(await contents()).toStrictEqual(['next']);
    await services.sessions.restore(services.caller, 's');
    expect(await contents()).toStrictEqual(['next', 'next']);
  });

  it.each([
    ['role', { role: 'assistant', content: 'next', metadata: { a: [1] } }],
    ['content', { role: 'user', content: 'next!', metadata: { a: [1] } }],
    ['metadata', { role: 'user', content: 'next', metadata: { a: [2] } }],
    ['time', { ...body.messages[0], created_at: '2000-01-01T00:00:00Z' }],
    ['uuid', { ...body.messages[0], uuid: '0192aaaa-0000-7000-8000-000000000003' }],
  ])('with another %s is another one', async (_, message) => {
    await append();
    await append({ messages: [message] });
    expect(await contents()).toHaveLength(2);
  });
});
