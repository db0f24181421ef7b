import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { purgeExpired } from '../../src/services/purge.ts';
import type { Store } from '../../src/store/port.ts';
import { type Harness, harness, type TestDatabase } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const caller = { namespace: 'purged' };

/** The rules of the purge: docs/architecture.md. It purges all namespaces, so each test has its own database. */
describeStores('purge', (under) => {
  let database: TestDatabase;
  let store: Store;
  let at: Harness;

  beforeEach(async () => {
    database = await under.kind.create();
    store = await database.open();
    at = harness(store);
  });

  afterEach(async () => {
    await store.close();
    await database.remove();
  });

  const now = (ms = 0) => new Date(at.clock.now + ms).toISOString();
  const add = (session_id: string, ...contents: string[]) =>
    at.memory.add(
      caller,
      session_id,
      contents.map((content) => ({ role: 'user', content })),
    );
  const contents = async (session_id: string) =>
    (await at.memory.get(caller, session_id)).messages.map(({ content }) => content);
  const purge = (cutoff: string) => purgeExpired(store, { cutoff });

  it('removes what was deleted by the cutoff, and nothing else', async () => {
    for (const id of ['live', 'old', 'recent']) await add(id, `of ${id}`);
    await at.sessions.delete(caller, 'old');
    const cutoff = now();
    at.clock.now += 1;
    await at.sessions.delete(caller, 'recent');

    const expected = { sessions: 1, messages: 1, users: 0 };
    expect(await store.countExpired(cutoff)).toStrictEqual(expected);
    const progress: unknown[] = [];
    const purged = await purgeExpired(store, { cutoff, onProgress: (sum) => progress.push(sum) });
    expect(purged).toStrictEqual(expected);
    expect(progress).toStrictEqual([expected]);
    expect(await store.countExpired(cutoff)).toMatchObject({ sessions: 0, messages: 0 });

    expect(await contents('live')).toStrictEqual(['of live']);
    await at.sessions.restore(caller, 'recent');
    expect(await contents('recent')).toStrictEqual(['of recent']);
    await expect(at.sessions.restore(caller, 'old')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('There is no session'),
    });
  });

  it('lets an identifier begin anew', async () => {
    await add('s', 'old');
    await at.sessions.delete(caller, 's');
    await purge(now());
    const { messages } = await add('s', 'new');
    expect(messages[0]?.seq).toBe(1);
    expect(await contents('s')).toStrictEqual(['new']);
  });

  it('goes in steps that a session begun anew under the same identifier survives', async () => {
    await add('s', ...Array.from({ length: 30 }, (_, i) => `${i}`));
    await at.sessions.delete(caller, 's');
    const cutoff = now();
    expect(await store.purge(cutoff, 10)).toMatchObject({ sessions: 1, messages: 10 });
    await add('s', 'new life');
    expect(await purge(cutoff)).toMatchObject({ sessions: 0, messages: 20 });
    expect(await contents('s')).toStrictEqual(['new life']);
  });

  it('removes the messages that a revived session left behind, in their time', async () => {
    await add('s', 'old 1', 'old 2');
    await at.sessions.delete(caller, 's');
    const deleted = now();
    at.clock.now += 1000;
    await add('s', 'new');
    expect(await purge(new Date(Date.parse(deleted) - 1).toISOString())).toMatchObject({
      messages: 0,
    });
    expect(await purge(deleted)).toStrictEqual({ sessions: 0, messages: 2, users: 0 });
    expect(await contents('s')).toStrictEqual(['new']);
  });

  it('removes users with their sessions and messages', async () => {
    await at.users.add(caller, { user_id: 'u' });
    for (const session_id of ['a', 'b', 'gone']) {
      await at.sessions.add(caller, { session_id, user_id: 'u' });
    }
    await add('a', 'hello');
    await at.sessions.delete(caller, 'gone');
    await at.users.delete(caller, 'u');
    expect(await purge(now())).toStrictEqual({ users: 1, sessions: 3, messages: 1 });
    await expect(at.users.restore(caller, 'u')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await at.users.add(caller, { user_id: 'u' })).toMatchObject({ user_id: 'u' });
  });

  it('leaves a session that is restored meanwhile whole, or takes all of it', async () => {
    const ids = Array.from({ length: 40 }, (_, i) => `s${i}`);
    for (const id of ids) {
      await add(id, '1', '2', '3');
      await at.sessions.delete(caller, id);
    }
    const restores = ids.map((id, i) =>
      delay(i % 7).then(() => at.sessions.restore(caller, id).catch((error: unknown) => error)),
    );
    await purge(now());
    const outcomes = await Promise.all(restores);
    await purge(now());

    for (const [i, id] of ids.entries()) {
      const outcome = outcomes[i];
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject({ code: 'NOT_FOUND' });
        await expect(at.sessions.get(caller, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      } else {
        expect(await contents(id)).toStrictEqual(['1', '2', '3']);
      }
    }
  });

  it('stops when it is told to', async () => {
    await add('s', 'x');
    await at.sessions.delete(caller, 's');
    const purged = await purgeExpired(store, { cutoff: now(), signal: AbortSignal.abort() });
    expect(purged).toStrictEqual({ sessions: 0, messages: 0, users: 0 });
  });
});
