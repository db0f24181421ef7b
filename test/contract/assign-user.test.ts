import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import { numberedMessages } from '../support/records.ts';
import { type Harness, harness, worded } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const fails = (code: string, ...words: string[]) => ({
  code,
  message: expect.stringMatching(new RegExp(words.map((word) => `(?=[^]*${word})`).join(''))),
});

/** How a session comes to belong to a user: docs/architecture.md. */
describeStores('giving a session to a user', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(async () => {
    caller = { namespace: `assigning-${number++}` };
    at = harness(under.store);
    for (const user_id of ['ada', 'bob']) await at.users.add(caller, { user_id });
  });

  const says = (content: string) => [{ role: 'user', content }];
  const found = async (user_id: string, query: string) =>
    (await at.search.search(caller, { user_id, query })).hits
      .map(({ message }) => message.content)
      // A hit may be a neighbour.
      .filter((content) => content.includes('kettle'));
  const sessionsOf = async (user_id: string) => {
    const list = { user_id, order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
    return (await at.sessions.list(caller, list)).records.map(({ session_id }) => session_id);
  };

  it('makes it, and all of its messages, that user’s', async () => {
    await at.memory.add(caller, 's', says('the kettle'));
    at.clock.now += 1000;
    const session = await at.sessions.update(caller, 's', { user_id: 'ada' });
    expect(session).toMatchObject({ user_id: 'ada', updated_at: '2100-01-01T00:00:01.000Z' });
    await at.memory.add(caller, 's', says('another kettle'));
    expect(await sessionsOf('ada')).toEqual(['s']);
    expect((await found('ada', 'kettle')).sort()).toEqual(['another kettle', 'the kettle']);
    expect(await found('bob', 'kettle')).toEqual([]);
    const pinned = { ...caller, user_id: 'ada' };
    expect((await at.memory.get(pinned, 's')).messages).toHaveLength(2);
  });

  it('reaches every message of a long session, also the deleted ones that come back', async () => {
    await at.memory.add(caller, 's', says('an old kettle'));
    await at.sessions.delete(caller, 's');
    await at.memory.add(caller, 's', numberedMessages(1000));
    await at.memory.add(caller, 's', [...numberedMessages(150), ...says('a new kettle')]);
    await at.sessions.update(caller, 's', { user_id: 'ada' });
    expect(await found('ada', 'kettle')).toEqual(['a new kettle']);
    await at.sessions.restore(caller, 's');
    expect((await found('ada', 'kettle')).sort()).toEqual(['a new kettle', 'an old kettle']);
  });

  it('reaches a message that changes while it is done', async () => {
    const uuid = '01a1fd24-303c-761f-bb3f-55f56f02c15b';
    await at.memory.add(caller, 's', [{ role: 'user', content: 'a kettle', uuid }]);
    await at.memory.add(caller, 's', numberedMessages(400));
    const assigning = at.sessions.update(caller, 's', { user_id: 'ada' });
    await at.memory.add(caller, 's', [{ role: 'user', content: 'my kettle', uuid }]);
    await assigning;
    // Until it is indexed.
    await delay(100);
    expect(await found('ada', 'kettle')).toEqual(['my kettle']);
  });

  it('is known to other servers that append to it', async () => {
    const other = await under.database.open();
    try {
      const there = harness(other);
      await there.memory.add(caller, 's', says('one kettle'));
      await at.sessions.update(caller, 's', { user_id: 'ada' });
      await there.memory.add(caller, 's', says('two kettles'));
      await at.memory.add(caller, 's', says('three kettles'));
      expect((await found('ada', 'kettle')).sort()).toEqual([
        'one kettle',
        'three kettles',
        'two kettles',
      ]);
      expect((await at.memory.get(caller, 's')).messages).toHaveLength(3);
    } finally {
      await other.close();
    }
  });

  it('may be repeated, and changes nothing for a session of another user', async () => {
    await at.sessions.add(caller, { session_id: 's' });
    await at.sessions.update(caller, 's', { user_id: 'ada' });
    expect(await at.sessions.update(caller, 's', { user_id: 'ada' })).toMatchObject({
      user_id: 'ada',
    });
    const sessions = worded(at.sessions);
    await expect(sessions.update(caller, 's', { user_id: 'bob' })).rejects.toMatchObject(
      fails('ALREADY_EXISTS', '"s"', '"ada"'),
    );
    expect(await sessionsOf('bob')).toEqual([]);
  });

  it('needs a live session and a live user', async () => {
    const sessions = worded(at.sessions);
    await expect(sessions.update(caller, 'none', { user_id: 'ada' })).rejects.toMatchObject(
      fails('NOT_FOUND', 'session "none"'),
    );
    await at.sessions.add(caller, { session_id: 's' });
    await expect(sessions.update(caller, 's', { user_id: 'eve' })).rejects.toMatchObject(
      fails('NOT_FOUND', 'user "eve"', 'add_user'),
    );
    await at.users.delete(caller, 'bob');
    await expect(sessions.update(caller, 's', { user_id: 'bob' })).rejects.toMatchObject(
      fails('NOT_FOUND', '"bob"', 'restore_user'),
    );
    expect(await at.sessions.get(caller, 's')).not.toHaveProperty('user_id');
  });

  it('goes with the user who is deleted and restored', async () => {
    await at.memory.add(caller, 's', says('the kettle'));
    await at.sessions.update(caller, 's', { user_id: 'ada' });
    expect(await at.users.delete(caller, 'ada')).toMatchObject({ sessions: 1 });
    await expect(at.sessions.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.users.restore(caller, 'ada');
    expect(await found('ada', 'kettle')).toEqual(['the kettle']);
  });

  it('sets the title, and null removes it', async () => {
    await at.sessions.add(caller, { session_id: 's', metadata: { a: 1 } });
    const update = (title: string | null) => at.sessions.update(caller, 's', { title });
    expect((await update('Lisbon')).metadata).toEqual({ a: 1, title: 'Lisbon' });
    expect((await update(null)).metadata).toEqual({ a: 1 });
  });

  it('is done by add_memory that names the user', async () => {
    const add = (session_id: string, user_id?: string) =>
      at.memory.add(caller, session_id, says('a kettle'), user_id);
    expect(await add('new', 'ada')).toMatchObject({ created: true, session: { user_id: 'ada' } });
    expect(await add('new', 'ada')).not.toHaveProperty('created');
    await add('free');
    expect(await add('free', 'ada')).toMatchObject({ session: { user_id: 'ada' } });
    await add('deleted');
    await at.sessions.delete(caller, 'deleted');
    expect(await add('deleted', 'ada')).toHaveProperty('revival');
    expect(await sessionsOf('ada')).toEqual(['new', 'free', 'deleted']);
    expect(await found('ada', 'kettle')).toHaveLength(5);
  });

  it('by add_memory stores nothing if the user is missing or another', async () => {
    const memory = worded(at.memory);
    await expect(memory.add(caller, 's', says('x'), 'eve')).rejects.toMatchObject(
      fails('NOT_FOUND', '"eve"'),
    );
    await expect(at.sessions.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.memory.add(caller, 's', says('x'), 'ada');
    await expect(memory.add(caller, 's', says('y'), 'bob')).rejects.toMatchObject(
      fails('ALREADY_EXISTS', '"ada"'),
    );
    expect((await at.memory.get(caller, 's')).messages).toHaveLength(1);
  });

  it('is for a pinned caller only what is theirs already', async () => {
    const pinned = { ...caller, user_id: 'ada' };
    await at.memory.add(caller, 'free', says('x'));
    await at.memory.add(caller, 'bobs', says('x'), 'bob');
    for (const session_id of ['free', 'bobs', 'none']) {
      await expect(
        at.sessions.update(pinned, session_id, { user_id: 'ada' }),
      ).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(at.memory.add(pinned, session_id, says('y'), 'ada')).rejects.toMatchObject({
        code: 'PERMISSION_DENIED',
      });
    }
    const own = await at.memory.add(pinned, 'ada/1', says('y'), 'ada');
    expect(own).toMatchObject({ created: true, session: { user_id: 'ada' } });
    await expect(at.memory.add(pinned, 'ada/1', says('y'), 'bob')).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describeStores('the answer to an append', (under) => {
  it('says that the session is new, once', async () => {
    const at = harness(under.store);
    const caller = { namespace: 'created' };
    const messages = numberedMessages(2);
    expect(await at.memory.add(caller, 's', messages)).toMatchObject({ created: true });
    expect(await at.memory.add(caller, 's', messages)).not.toHaveProperty('created');
    await at.sessions.add(caller, { session_id: 'empty' });
    expect(await at.memory.add(caller, 'empty', messages)).not.toHaveProperty('created');
  });
});

describeStores('the time of a message', (under) => {
  let at: Harness;
  let caller: { namespace: string };
  let number = 0;
  beforeEach(() => {
    at = harness(under.store);
    caller = { namespace: `times-${number++}` };
  });
  const message = (content: string, created_at?: string) => ({
    role: 'user',
    content,
    ...(created_at !== undefined && { created_at }),
  });
  const MAY = '2024-05-07T10:00:00.000Z';
  const JUNE = '2024-06-07T10:00:00.000Z';

  it('is its own if it comes with one; the order stays that of arrival', async () => {
    await at.memory.add(caller, 's', [message('kettle in June', JUNE)]);
    const { session } = await at.memory.add(caller, 's', [message('kettle in May', MAY)]);
    expect(session.last_message_at).toBe(JUNE);
    const { messages } = await at.memory.get(caller, 's');
    expect(messages).toMatchObject([
      { seq: 1, content: 'kettle in June', created_at: JUNE },
      { seq: 2, content: 'kettle in May', created_at: MAY },
    ]);
    await at.memory.add(caller, 's', [message('kettle now')]);
    expect(await at.sessions.get(caller, 's')).toMatchObject({
      last_message_at: '2100-01-01T00:00:00.000Z',
    });
  });

  it('is what since and until go by, in whatever order messages came', async () => {
    await at.memory.add(caller, 's', [message('kettle now')]);
    for (const created_at of [JUNE, MAY, '2023-01-01T00:00:00.000Z', '1969-12-31T00:00:00.000Z']) {
      await at.memory.add(caller, 's', [message(`kettle ${created_at.slice(0, 7)}`, created_at)]);
    }
    const found = async (range: object) => {
      const { hits } = await at.search.search(caller, { query: 'kettle', ...range });
      return hits.map(({ message }) => message.content).sort();
    };
    expect(await found({ since: MAY, until: JUNE })).toEqual(['kettle 2024-05', 'kettle 2024-06']);
    expect(await found({ until: MAY })).toEqual([
      'kettle 1969-12',
      'kettle 2023-01',
      'kettle 2024-05',
    ]);
    expect(await found({ since: '2024-06-08T00:00:00.000Z' })).toEqual(['kettle now']);
  });

  it('is found for more messages of one time than a millisecond has numbers', async () => {
    for (let i = 0; i < 3; i++) {
      const many = Array.from({ length: 1000 }, (_, n) => message(`row ${i} ${n}`, MAY));
      await at.memory.add(caller, 's', many);
    }
    await at.memory.add(caller, 's', [message('the kettle', MAY), message('another kettle', JUNE)]);
    const { hits } = await at.search.search(caller, { query: 'kettle', since: MAY, until: MAY });
    expect(hits[0]).toMatchObject({ message: { content: 'the kettle' } });
  });

  it('changes when the message comes again with another one, and not otherwise', async () => {
    const uuid = '01a1fd24-303c-761f-bb3f-55f56f02c15b';
    const add = (content: string, created_at?: string) =>
      at.memory.add(caller, 's', [{ ...message(content, created_at), uuid }]);
    await add('the kettle', MAY);
    await add('a kettle');
    const times = async () =>
      (await at.memory.get(caller, 's')).messages.map(({ created_at }) => created_at);
    expect(await times()).toEqual([MAY]);
    await add('my kettle', JUNE);
    expect(await times()).toEqual([JUNE]);
    const search = { query: 'kettle', since: JUNE, until: JUNE };
    expect((await at.search.search(caller, search)).hits).toMatchObject([
      { message: { content: 'my kettle' } },
    ]);
  });
});
