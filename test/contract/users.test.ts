import { beforeEach, describe, expect, it } from 'vitest';
import type { ListArguments } from '../../src/services/pagination.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const NEWEST: ListArguments = { order_by: 'created_at', order: 'desc', deleted: 'exclude' };

/** The rules for users and their sessions: docs/architecture.md. */
describeStores('users', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `users-${number++}` };
    at = harness(under.store);
  });

  const add = (user_id = 'u') => at.users.add(caller, { user_id });
  const addSession = (session_id: string, user_id = 'u') =>
    at.sessions.add(caller, { session_id, user_id });
  const live = async (user_id = 'u') =>
    (await at.sessions.list(caller, { ...NEWEST, user_id })).records
      .map(({ session_id }) => session_id)
      .toSorted();

  it('are added once, with what was given', async () => {
    const user = await at.users.add(caller, {
      user_id: 'ada',
      email: 'ada@example.org',
      first_name: 'Ada',
      metadata: { 'a.b': 1 },
    });
    expect(user).toStrictEqual({
      user_id: 'ada',
      uuid: expect.any(String),
      email: 'ada@example.org',
      first_name: 'Ada',
      metadata: { 'a.b': 1 },
      created_at: new Date(at.clock.now).toISOString(),
      updated_at: new Date(at.clock.now).toISOString(),
    });
    expect(await at.users.get(caller, 'ada')).toStrictEqual(user);
    await expect(add('ada')).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
      message: expect.stringContaining('update_user'),
    });
  });

  it('are NOT_FOUND when they never existed, and name add_user', async () => {
    const missing = { code: 'NOT_FOUND', message: expect.stringContaining('add_user') };
    await expect(at.users.get(caller, 'u')).rejects.toMatchObject(missing);
    await expect(at.users.update(caller, 'u', {})).rejects.toMatchObject(missing);
    await expect(at.users.delete(caller, 'u')).rejects.toMatchObject(missing);
    await expect(at.users.restore(caller, 'u')).rejects.toMatchObject(missing);
    await expect(addSession('s')).rejects.toMatchObject(missing);
  });

  it('are changed field by field, and their metadata is merged', async () => {
    await at.users.add(caller, {
      user_id: 'u',
      email: 'u@example.org',
      first_name: 'U',
      metadata: { a: { b: 1 }, c: 1 },
    });
    at.clock.now += 10;
    const user = await at.users.update(caller, 'u', {
      first_name: null,
      last_name: '$last',
      metadata: { a: { d: 2 }, c: null },
    });
    expect(user).toMatchObject({
      email: 'u@example.org',
      last_name: '$last',
      metadata: { a: { b: 1, d: 2 } },
      updated_at: new Date(at.clock.now).toISOString(),
    });
    expect(user).not.toHaveProperty('first_name');
    expect(await at.users.get(caller, 'u')).toStrictEqual(user);
    expect(await at.users.update(caller, 'u', {})).toMatchObject({ last_name: '$last' });
  });

  it('are listed and completed like sessions', async () => {
    for (const id of ['a', 'b', 'c']) {
      at.clock.now += 1;
      await add(id);
    }
    await at.users.delete(caller, 'b');
    const ids = async (query: Partial<ListArguments> = {}) =>
      (await at.users.list(caller, { ...NEWEST, ...query })).records.map(({ user_id }) => user_id);
    expect(await ids()).toStrictEqual(['c', 'a']);
    expect(await ids({ order: 'asc', order_by: 'updated_at' })).toStrictEqual(['a', 'c']);
    expect(await ids({ deleted: 'only' })).toStrictEqual(['b']);
    expect(await ids({ page_size: 1, page_number: 2 })).toStrictEqual(['a']);
    const first = await at.users.list(caller, { ...NEWEST, limit: 1, include_total: true });
    expect(first.total_count).toBe(2);
    expect(await ids({ limit: 1, cursor: first.next_cursor })).toStrictEqual(['a']);
    expect(await at.users.complete(caller, '', 10)).toStrictEqual(['a', 'c']);
  });

  it('do not reach into another namespace', async () => {
    await add();
    await addSession('s');
    const stranger = { namespace: `${caller.namespace}-other` };
    await expect(at.users.get(stranger, 'u')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await at.users.add(stranger, { user_id: 'u' });
    await at.users.delete(stranger, 'u');
    expect(await live()).toStrictEqual(['s']);
  });

  describe('that are deleted', () => {
    beforeEach(async () => {
      await add();
      for (const id of ['a', 'b', 'gone']) await addSession(id);
      await at.sessions.add(caller, { session_id: 'nobodys' });
      await at.memory.add(caller, 'a', [{ role: 'user', content: 'hello' }]);
      await at.sessions.delete(caller, 'gone');
      at.clock.now += 1000;
    });

    it('take every session of theirs with them, and no other', async () => {
      const deletion = await at.users.delete(caller, 'u');
      expect(deletion).toMatchObject({
        sessions: 2,
        user: { deleted_at: new Date(at.clock.now).toISOString() },
        purge_at: new Date(at.clock.now + 7 * 86_400_000).toISOString(),
      });
      expect(await live()).toStrictEqual([]);
      expect(await at.sessions.get(caller, 'nobodys')).toBeDefined();
      const deleted = { ...NEWEST, deleted: 'only', include_total: true } as const;
      expect(await at.sessions.list(caller, deleted)).toStrictEqual({
        records: [],
        total_count: 0,
      });
    });

    it('answer another delete with the same deletion', async () => {
      const first = await at.users.delete(caller, 'u');
      at.clock.now += 1000;
      expect(await at.users.delete(caller, 'u')).toStrictEqual(first);
    });

    it('cannot be read or changed or be given sessions, and name restore_user', async () => {
      await at.users.delete(caller, 'u');
      const refusal = { code: 'NOT_FOUND', message: expect.stringContaining('restore_user') };
      await expect(at.users.get(caller, 'u')).rejects.toMatchObject(refusal);
      await expect(at.users.update(caller, 'u', {})).rejects.toMatchObject(refusal);
      await expect(addSession('new')).rejects.toMatchObject(refusal);
      await expect(add()).rejects.toMatchObject({ ...refusal, code: 'ALREADY_EXISTS' });
    });

    it('keep their sessions from every tool, those deleted before included', async () => {
      await at.users.delete(caller, 'u');
      const refusal = { code: 'NOT_FOUND', message: expect.stringContaining('restore_user') };
      for (const id of ['a', 'gone']) {
        await expect(at.sessions.get(caller, id)).rejects.toMatchObject(refusal);
        await expect(at.sessions.restore(caller, id)).rejects.toMatchObject(refusal);
        await expect(at.memory.get(caller, id)).rejects.toMatchObject(refusal);
        await expect(
          at.memory.add(caller, id, [{ role: 'user', content: 'x' }]),
        ).rejects.toMatchObject(refusal);
      }
      expect(await at.sessions.complete(caller, '', 10)).toStrictEqual(['nobodys']);
    });

    it('come back with exactly the sessions that went with them', async () => {
      await at.users.delete(caller, 'u');
      at.clock.now += 1000;
      const { user, sessions } = await at.users.restore(caller, 'u');
      expect(user).not.toHaveProperty('deleted_at');
      expect(sessions).toBe(2);
      expect(await live()).toStrictEqual(['a', 'b']);
      expect((await at.memory.get(caller, 'a')).messages).toHaveLength(1);
      await expect(at.sessions.get(caller, 'gone')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await at.sessions.restore(caller, 'gone')).session).toMatchObject({ user_id: 'u' });
    });

    it('stay as they are when restored twice, or when they are live', async () => {
      const before = await at.users.get(caller, 'u');
      expect((await at.users.restore(caller, 'u')).user).toStrictEqual(before);
      await at.users.delete(caller, 'u');
      await at.users.restore(caller, 'u');
      expect((await at.users.restore(caller, 'u')).user).toStrictEqual(before);
      expect(await live()).toStrictEqual(['a', 'b']);
    });

    it('leave nothing to a later user of the same identifier', async () => {
      await at.users.delete(caller, 'u');
      // Past the purge, with no sweep having come by.
      at.clock.now += 8 * 86_400_000;
      await add();
      await at.users.delete(caller, 'u');
      await at.users.restore(caller, 'u');
      expect(await live()).toStrictEqual([]);
      for (const id of ['a', 'b']) {
        await expect(at.memory.get(caller, id)).rejects.toMatchObject({
          code: 'NOT_FOUND',
          message: expect.stringContaining('There is no session'),
        });
        expect(await addSession(id)).toMatchObject({ session_id: id, message_count: 0 });
      }
      const { messages } = await at.memory.add(caller, 'gone', [{ role: 'user', content: 'new' }]);
      expect(messages[0]?.seq).toBe(1);
    });

    it('leave no session live when sessions are added at the same time', async () => {
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 10 }, (_, i) => addSession(`race-${i}`)),
        at.users.delete(caller, 'u'),
        ...Array.from({ length: 10 }, (_, i) => addSession(`race-${10 + i}`)),
      ]);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') {
          expect(outcome.reason).toMatchObject({ code: 'NOT_FOUND' });
        }
      }
      expect(await live()).toStrictEqual([]);
      await at.users.restore(caller, 'u');
      const added = outcomes.filter(({ status }) => status === 'fulfilled').length - 1;
      expect(await live()).toHaveLength(2 + added);
    });
  });

  it('report progress while a deletion goes through many sessions', async () => {
    await add();
    for (let i = 0; i < 1500; i += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, j) => addSession(`s${i + j}`)));
    }
    const seen: [number, number][] = [];
    const { sessions } = await at.users.delete(caller, 'u', (...step) => seen.push(step));
    expect(sessions).toBe(1500);
    expect(seen.at(-1)).toStrictEqual([1500, 1500]);
    expect(await live()).toStrictEqual([]);
    expect((await at.users.restore(caller, 'u')).sessions).toBe(1500);
  });
});
