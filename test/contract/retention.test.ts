import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Store } from '../../src/store/port.ts';
import { Retention } from '../../src/store/retention.ts';
import { harness, type StoreOptions, type TestDatabase } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const DAY = 86_400_000;
const caller = { namespace: 'n' };

/** How long soft-deleted records are kept is one value for all who share a database. */
describeStores('retention', (under) => {
  let database: TestDatabase;
  const opened: Store[] = [];
  beforeEach(async () => {
    database = await under.kind.create();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await database.remove();
  });

  async function open(options: StoreOptions): Promise<Store> {
    const store = await database.open(options);
    opened.push(store);
    await store.ping();
    return store;
  }

  async function close(store: Store): Promise<void> {
    opened.splice(opened.indexOf(store), 1);
    await store.close();
  }

  it.each([7 * DAY, 1000, undefined])('is what a server alone wants: %s', async (purgeAfter) => {
    const store = await open({ purgeAfter });
    expect(await store.agreeRetention()).toBe(purgeAfter);
    expect(await store.agreeRetention()).toBe(purgeAfter);
  });

  it.each<[string, number | undefined, number | undefined, number | undefined]>([
    ['the longer one that came second', 1000, 7 * DAY, 7 * DAY],
    ['the longer one that came first', 7 * DAY, 1000, 7 * DAY],
    ['off that came second', 7 * DAY, undefined, undefined],
    ['off that came first', undefined, 7 * DAY, undefined],
  ])('of two servers is %s', async (_, first, second, expected) => {
    const one = await open({ purgeAfter: first });
    const two = await open({ purgeAfter: second });
    expect(await two.agreeRetention()).toBe(expected);
    expect(await one.agreeRetention()).toBe(expected);
    expect(await two.agreeRetention()).toBe(expected);
  });

  it('is the shorter one again once the server with the longer one has stopped', async () => {
    const shorter = await open({ purgeAfter: DAY });
    const longer = await open({ purgeAfter: 7 * DAY });
    const forEver = await open({ purgeAfter: undefined });
    expect(await shorter.agreeRetention()).toBeUndefined();
    await close(forEver);
    expect(await shorter.agreeRetention()).toBe(7 * DAY);
    await close(longer);
    expect(await shorter.agreeRetention()).toBe(DAY);
  });

  it('is not that of a server any more which has not renewed it for too long', async () => {
    const longer = await open({ purgeAfter: 7 * DAY, registrationMs: 2000 });
    const shorter = await open({ purgeAfter: DAY });
    for (let renewal = 0; renewal < 3; renewal++) {
      await delay(1000);
      await longer.agreeRetention();
      expect(await shorter.agreeRetention()).toBe(7 * DAY);
    }
    await expect.poll(() => shorter.agreeRetention(), { timeout: 10_000 }).toBe(DAY);
    expect(await longer.agreeRetention()).toBe(7 * DAY);
    expect(await shorter.agreeRetention()).toBe(7 * DAY);
  });

  it('counts a server once, however often it renews', async () => {
    const [one, two] = [await open({ purgeAfter: DAY }), await open({ purgeAfter: 2 * DAY })];
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).agreeRetention()));
    await close(two);
    expect(await one.agreeRetention()).toBe(DAY);
  });

  it('of a command is its own or that of the servers, whichever is longer, and binds nobody', async () => {
    const [shorter, longer] = [
      await open({ purgeAfter: 1000, kind: 'command' }),
      await open({ purgeAfter: 7 * DAY, kind: 'command' }),
    ];
    expect(await shorter.agreeRetention()).toBe(1000);
    const server = await open({ purgeAfter: DAY });
    expect(await shorter.agreeRetention()).toBe(DAY);
    expect(await longer.agreeRetention()).toBe(7 * DAY);
    expect(await server.agreeRetention()).toBe(DAY);
  });

  it('is told to who only reads, and not decided by them', async () => {
    const server = await open({ purgeAfter: DAY });
    const readers = [
      await open({ purgeAfter: 1000, kind: 'reader' }),
      await open({ purgeAfter: undefined, kind: 'reader' }),
    ];
    for (const reader of readers) expect(await reader.agreeRetention()).toBe(DAY);
    expect(await server.agreeRetention()).toBe(DAY);
    await close(server);
    expect(await readers[0]?.agreeRetention()).toBe(1000);
  });

  it('is asked for before a record makes way that another server still keeps', async () => {
    const retention = new Retention({ own: 1000, registrationMs: 600_000, purges: true });
    const at = harness(await open({ retention }), retention);
    const later = harness(await open({ purgeAfter: 7 * DAY }));
    at.clock.now = Date.now();
    await at.sessions.add(caller, { session_id: 's' });
    await at.users.add(caller, { user_id: 'u' });
    await at.sessions.delete(caller, 's');
    await at.users.delete(caller, 'u');
    at.clock.now += 2000;
    const taken = { code: 'ALREADY_EXISTS' };
    await expect(at.sessions.add(caller, { session_id: 's' })).rejects.toMatchObject(taken);
    await expect(at.users.add(caller, { user_id: 'u' })).rejects.toMatchObject(taken);
    await later.sessions.restore(caller, 's');
    await later.users.restore(caller, 'u');
  });

  it('is asked for before a user is refused to whoever would restore it', async () => {
    const shorter = await open({ purgeAfter: 1000 });
    const { users, clock } = harness(shorter);
    await open({ purgeAfter: 7 * DAY });
    clock.now = Date.now() - 5000;
    await users.add(caller, { user_id: 'u' });
    await users.delete(caller, 'u');
    expect(await users.restore(caller, 'u')).toMatchObject({ user: { user_id: 'u' } });
  });
});
