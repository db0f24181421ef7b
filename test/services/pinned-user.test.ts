import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canAccess, forbiddenSession, sessionPrefix } from '../../src/services/pinned-user.ts';
import { describeServices } from './describe-services.ts';

const LIST = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
const hello = [{ role: 'user', content: 'hello' }];

const errorOf = (work: () => Promise<unknown>) =>
  work().then(
    () => undefined,
    (error: unknown) => error,
  );

describe('a pin', () => {
  it('gives access to the records of its user alone; without one, to all', () => {
    expect([
      canAccess({ namespace: 'n' }, 'ada'),
      canAccess({ namespace: 'n' }, undefined),
    ]).toEqual([true, true]);
    const ada = { namespace: 'n', user_id: 'ada' };
    expect(['ada', 'Ada', '', undefined].map((owner) => canAccess(ada, owner))).toStrictEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('has a prefix that no identifier under the prefix of another user begins with', () => {
    // `encodeURIComponent` takes no lone surrogates, and no identifier has one.
    const user = fc.string({ unit: 'grapheme-composite', minLength: 1 });
    fc.assert(
      fc.property(user, user, fc.string(), (one, other, rest) => {
        fc.pre(one !== other);
        expect(`${sessionPrefix(one)}${rest}`.startsWith(sessionPrefix(other))).toBe(false);
      }),
    );
    expect(sessionPrefix('a/b %')).toBe('a%2Fb%20%25/');
  });

  it('refuses an identifier with the prefix to choose instead', () => {
    expect(forbiddenSession('s', 'a/b')).toMatchObject({
      code: 'PERMISSION_DENIED',
      fact: { kind: 'session_forbidden', session_id: 's', prefix: 'a%2Fb/' },
    });
  });
});

describeServices('a caller pinned to a user', (at) => {
  const begin = async () => {
    const { caller, users, memory, sessions } = at;
    for (const user_id of ['ada', 'bob']) {
      await users.add(caller, { user_id });
      await sessions.add(caller, { session_id: `${user_id}/given`, user_id });
      await memory.add(caller, `${user_id}/given`, [{ role: 'user', content: `of ${user_id}` }]);
    }
    await memory.add(caller, 'nobodys', hello);
    return { ada: at.pinned('ada') };
  };

  it('sees the sessions, messages and record of that user, and counts no others', async () => {
    const { ada } = await begin();
    const { sessions, users, search } = at;
    const counted = { ...LIST, include_total: true };
    expect(await sessions.list(ada, counted)).toMatchObject({
      records: [{ session_id: 'ada/given' }],
      total_count: 1,
    });
    expect(await users.list(ada, counted)).toMatchObject({
      records: [{ user_id: 'ada' }],
      total_count: 1,
    });
    expect(await sessions.list(ada, { ...counted, user_id: 'bob' })).toStrictEqual({
      records: [],
      total_count: 0,
    });
    const { hits } = await search.search(ada, { query: 'of ada bob hello' });
    expect(hits.map(({ message }) => message.content)).toStrictEqual(['of ada']);
    expect(await sessions.complete(ada, '', 10)).toStrictEqual(['ada/given']);
    expect(await users.complete(ada, '', 10)).toStrictEqual(['ada']);
    expect(await users.complete(ada, 'b', 10)).toStrictEqual([]);
  });

  it('is refused an identifier alike, whether it is free, deleted, or another user’s', async () => {
    const { ada } = await begin();
    const { caller, sessions, memory } = at;
    await sessions.add(caller, { session_id: 'deleted', user_id: 'bob' });
    await sessions.delete(caller, 'deleted');
    for (const session_id of ['free', 'deleted', 'nobodys', 'bob/given', 'bob/free']) {
      const fact = { kind: 'session_forbidden', session_id, prefix: 'ada/' };
      for (const work of [
        () => sessions.add(ada, { session_id }),
        () => memory.add(ada, session_id, hello),
      ]) {
        expect(await errorOf(work)).toMatchObject({ code: 'PERMISSION_DENIED', fact });
      }
    }
    // No session came of it, and none was touched.
    expect(await errorOf(() => sessions.get(caller, 'free'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await memory.get(caller, 'nobodys')).toMatchObject({ messages: hello });
  });

  it('is told of no other user, not even that one is deleted', async () => {
    const { ada } = await begin();
    const { caller, sessions, users, search } = at;
    await users.delete(caller, 'bob');
    for (const user_id of ['bob', 'nobody']) {
      for (const work of [
        () => users.get(ada, user_id),
        () => users.update(ada, user_id, { email: 'x@example.org' }),
        () => sessions.add(ada, { session_id: 'ada/1', user_id }),
        () => search.search(ada, { query: 'x', user_id }),
      ]) {
        const error = await errorOf(work);
        expect(error).toMatchObject({ code: 'NOT_FOUND' });
        expect((error as { fact: unknown }).fact).toStrictEqual({
          kind: 'user_not_found',
          user_id,
          deletion: undefined,
        });
      }
    }
  });

  it('may neither create, delete nor restore a user, not even its own', async () => {
    const { ada } = await begin();
    const { users } = at;
    for (const user_id of ['ada', 'bob', 'carol']) {
      for (const work of [
        () => users.add(ada, { user_id }),
        () => users.delete(ada, user_id),
        () => users.restore(ada, user_id),
      ]) {
        expect(await errorOf(work)).toMatchObject({
          code: 'PERMISSION_DENIED',
          fact: { kind: 'users_forbidden' },
        });
      }
    }
    expect(await users.update(ada, 'ada', { email: 'a@example.org' })).toMatchObject({
      email: 'a@example.org',
    });
  });
});
