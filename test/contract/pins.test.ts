import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../src/services/caller.ts';
import type { Store } from '../../src/store/port.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const LIST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;
const said = [{ role: 'user', content: 'hello' }];
const UUID = '01a1fd24-303c-761f-bb3f-55f56f02c15b';

/** A store that writes down what is asked of it. */
function recorded(store: Store): { store: Store; asked: string[] } {
  const asked: string[] = [];
  const watch = <T extends object>(part: T, path: string): T =>
    new Proxy(part, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value === 'object' && value !== null) return watch(value, String(name));
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked.push(`${path}.${String(name)}`);
          return value.apply(target, args);
        };
      },
    });
  return { store: watch(store, 'store'), asked };
}

describeStores('callers pinned to a user', (under) => {
  let namespace: string;
  let number = 0;
  let services: Harness;
  let anybody: Caller;
  let ada: Caller;
  let bob: Caller;

  beforeEach(async () => {
    namespace = `pins-${number++}`;
    services = harness(under.store);
    anybody = { namespace };
    ada = { namespace, user_id: 'ada' };
    bob = { namespace, user_id: 'bob' };
    for (const user_id of ['ada', 'bob']) await services.users.add(anybody, { user_id });
  });

  const refused = (work: Promise<unknown>, code: string) =>
    expect(work).rejects.toMatchObject({ name: 'DomainError', code });

  /** Whatever bob may try on one session. */
  const OPERATIONS: Record<string, (id: string, services: Harness) => Promise<unknown>> = {
    'sessions.add': (session_id, { sessions }) => sessions.add(bob, { session_id }),
    'sessions.get': (id, { sessions }) => sessions.get(bob, id),
    'sessions.updateMetadata': (id, { sessions }) => sessions.updateMetadata(bob, id, { a: 1 }),
    'sessions.delete': (id, { sessions }) => sessions.delete(bob, id),
    'sessions.restore': (id, { sessions }) => sessions.restore(bob, id),
    'memory.add': (id, { memory }) => memory.add(bob, id, said),
    'memory.get': (id, { memory }) => memory.get(bob, id),
    'memory.list': (id, { memory }) => memory.list(bob, id, { order: 'asc' }),
    'memory.getMessage': (id, { memory }) => memory.getMessage(bob, id, UUID),
    'memory.updateMetadata': (id, { memory }) => memory.updateMetadata(bob, id, UUID, { a: 1 }),
    'memory.summarize': (id, { memory }) =>
      memory.summarize(bob, id, { content: 'x', up_to_seq: 1 }),
    'search.search': (session_id, { search }) => search.search(bob, { query: 'hello', session_id }),
  };

  it('begin sessions of their own, by either way, under identifiers that nobody else may take', async () => {
    const { sessions, memory } = services;
    expect(await sessions.add(ada, { session_id: 'ada/1' })).toMatchObject({ user_id: 'ada' });
    await memory.add(ada, 'ada/2', said);
    expect(await sessions.get(anybody, 'ada/2')).toMatchObject({
      user_id: 'ada',
      message_count: 1,
    });
    for (const session_id of ['plain', 'bob/1', 'ada', 'Ada/1', 'ad%61/1', '/ada/1']) {
      await refused(sessions.add(ada, { session_id }), 'PERMISSION_DENIED');
      await refused(memory.add(ada, session_id, said), 'PERMISSION_DENIED');
    }
  });

  it('have prefixes of which none begins another, whatever the users are called', async () => {
    const slashed: Caller = { namespace, user_id: 'ada/x' };
    await services.memory.add(slashed, 'ada%2Fx/1', said);
    await refused(services.memory.add(slashed, 'ada/x/1', said), 'PERMISSION_DENIED');
    await services.memory.add(ada, 'ada/x/1', said);
    await refused(services.sessions.get(slashed, 'ada/x/1'), 'NOT_FOUND');
  });

  it('come to be as users with their first session, unless the user is deleted', async () => {
    const { sessions, memory, users } = services;
    const carol: Caller = { namespace, user_id: 'carol' };
    await refused(users.get(carol, 'carol'), 'NOT_FOUND');
    await memory.add(carol, 'carol/1', said);
    expect(await users.get(carol, 'carol')).toMatchObject({ user_id: 'carol' });
    await users.delete(anybody, 'carol');
    const refusal = 'ask whoever runs the server to call restore_user';
    await expect(sessions.add(carol, { session_id: 'carol/2' })).rejects.toThrow(refusal);
    await expect(sessions.get(carol, 'carol/1')).rejects.toThrow(refusal);
    await expect(users.get(carol, 'carol')).rejects.toThrow(refusal);
    await refused(memory.add(carol, 'carol/2', said), 'NOT_FOUND');
    await refused(memory.add(carol, 'carol/1', said), 'NOT_FOUND');
  });

  it('work with the sessions that others began for them, under any identifier', async () => {
    const { sessions, memory } = services;
    await sessions.add(anybody, { session_id: 'shared', user_id: 'ada' });
    await memory.add(ada, 'shared', said);
    expect(await memory.get(ada, 'shared')).toMatchObject({ messages: [{ content: 'hello' }] });
    await sessions.delete(ada, 'shared');
    await refused(sessions.add(ada, { session_id: 'shared' }), 'ALREADY_EXISTS');
    const { revival } = await memory.add(ada, 'shared', said);
    expect(revival).toMatchObject({ deleted_message_count: 1 });
    expect(await sessions.get(ada, 'shared')).toMatchObject({ user_id: 'ada', message_count: 1 });
    expect(await sessions.restore(ada, 'shared')).toMatchObject({ messages: 1 });
    expect(await sessions.get(ada, 'shared')).toMatchObject({ user_id: 'ada', message_count: 2 });
  });

  it('begin anew, as themselves, what is past its purge and still there', async () => {
    const { sessions, memory, clock } = services;
    await sessions.add(ada, { session_id: 'ada/old' });
    await sessions.delete(ada, 'ada/old');
    clock.now += 8 * 86_400_000;
    await memory.add(ada, 'ada/old', said);
    expect(await sessions.get(ada, 'ada/old')).toMatchObject({ user_id: 'ada', message_count: 1 });
  });

  it('come to be anew as users once their deletion is past its purge and they are still there', async () => {
    const { sessions, memory, users, clock } = services;
    await memory.add(ada, 'ada/old', said);
    await users.update(anybody, 'ada', { email: 'ada@example.org' });
    await users.delete(anybody, 'ada');
    clock.now += 8 * 86_400_000;
    await memory.add(ada, 'ada/new', said);
    expect(await users.get(ada, 'ada')).not.toHaveProperty('email');
    expect(await sessions.get(ada, 'ada/new')).toMatchObject({ user_id: 'ada', message_count: 1 });
    await refused(sessions.get(ada, 'ada/old'), 'NOT_FOUND');
  });

  it('name no other user: such a user has never existed', async () => {
    const { sessions, users } = services;
    const other = sessions.add(ada, { session_id: 'ada/1', user_id: 'bob' });
    await expect(other).rejects.toThrow('There is no user "bob". Your credential is for');
    expect(await sessions.list(ada, { ...LIST, user_id: 'bob', include_total: true })).toEqual({
      records: [],
      total_count: 0,
    });
    await refused(users.get(ada, 'bob'), 'NOT_FOUND');
    await refused(users.update(ada, 'bob', { email: 'x@example.org' }), 'NOT_FOUND');
    await users.update(ada, 'ada', { first_name: 'Ada' });
    expect(await users.get(anybody, 'ada')).toMatchObject({ first_name: 'Ada' });
    for (const work of [
      users.add(ada, { user_id: 'eve' }),
      users.delete(ada, 'ada'),
      users.restore(ada, 'ada'),
    ]) {
      await refused(work, 'PERMISSION_DENIED');
    }
  });

  it('list, count and complete what is theirs and nothing else', async () => {
    const { sessions, memory, users } = services;
    for (const caller of [ada, bob]) {
      for (const name of ['one', 'two'])
        await memory.add(caller, `${caller.user_id}/${name}`, said);
    }
    await sessions.add(anybody, { session_id: 'ada/nobodys' });
    await sessions.add(anybody, { session_id: 'ada/bobs', user_id: 'bob' });
    const all = await sessions.list(ada, { ...LIST, include_total: true });
    expect(all.records.map(({ session_id }) => session_id)).toEqual(['ada/two', 'ada/one']);
    expect(all.total_count).toBe(2);
    expect(await sessions.complete(ada, 'ada/', 10)).toEqual(['ada/one', 'ada/two']);
    expect(await sessions.complete(ada, 'bob', 10)).toEqual([]);
    expect(await sessions.complete(ada, '', 1)).toEqual(['ada/one']);
    const self = await users.list(ada, { ...LIST, include_total: true });
    expect(self.records.map(({ user_id }) => user_id)).toEqual(['ada']);
    expect(self.total_count).toBe(1);
    expect((await users.list(ada, { ...LIST, page_number: 2 })).records).toEqual([]);
    expect((await users.list(ada, { ...LIST, deleted: 'only' })).records).toEqual([]);
    expect(await users.complete(ada, 'a', 10)).toEqual(['ada']);
    expect(await users.complete(ada, 'b', 10)).toEqual([]);
  });

  it('cannot use a cursor that was made for somebody else, nor lend theirs', async () => {
    const { sessions, memory, users } = services;
    for (const name of ['1', '2', '3']) await memory.add(ada, `ada/${name}`, said);
    await memory.add(ada, 'ada/1', said);
    const elsewhere: Caller = { namespace: `${namespace}-other` };
    const page = { ...LIST, limit: 1, user_id: 'ada' };
    for (const [maker, takers] of [
      [ada, [bob, anybody, elsewhere]],
      [anybody, [ada, bob, elsewhere]],
    ] as const) {
      const { next_cursor: cursor } = await sessions.list(maker, page);
      const { next_cursor: userCursor } = await users.list(anybody, { ...LIST, limit: 1 });
      const first = { order: 'asc', limit: 1 } as const;
      const { next_cursor: within } = await memory.list(maker, 'ada/1', first);
      for (const taker of takers) {
        await refused(sessions.list(taker, { ...page, cursor }), 'INVALID_ARGUMENT');
        await refused(
          memory.list(taker, 'ada/1', { ...first, cursor: within }),
          'INVALID_ARGUMENT',
        );
        if (taker === anybody) continue;
        await refused(
          users.list(taker, { ...LIST, limit: 1, cursor: userCursor }),
          'INVALID_ARGUMENT',
        );
      }
      expect((await sessions.list(maker, { ...page, cursor })).records).toHaveLength(1);
    }
  });

  it('compare no meanings in a session of somebody else', async () => {
    const { memory } = services;
    await memory.add(ada, 'ada/1', said);
    const { messages } = await under.store.vectors.unembedded('m', undefined, 10_000);
    const theirs = messages.filter((message) => message.namespace === namespace);
    const vector = new Uint8Array(4);
    const embedded = theirs.map((one) => ({ ...one, digest: 'd', vector }));
    await under.store.vectors.put('m', embedded);
    const meant = async (user_id?: string) => {
      const scope = { session_id: 'ada/1', user_id };
      const query = { model: 'm', limit: 10 };
      return (await under.store.vectors.newest(namespace, scope, query)).vectors.length;
    };
    expect([await meant(), await meant('ada'), await meant('bob')]).toStrictEqual([1, 1, 0]);
  });

  it('keep what they may not touch apart from what they may, though it has the same name', async () => {
    const { sessions, memory } = services;
    await sessions.add(anybody, { session_id: 's', user_id: 'bob' });
    await memory.add(bob, 's', said);
    // By another process, between two of bob's calls.
    const other = await under.database.open();
    await other.sessions.delete(anybody, 's', '2100-01-01T00:00:00.000Z');
    await other.sessions.purge(namespace, 's', '2100-01-01T00:00:00.000Z');
    await other.close();
    await sessions.add(anybody, { session_id: 's', user_id: 'ada' });
    await memory.add(ada, 's', [{ ...(said[0] as (typeof said)[0]), uuid: UUID }]);
    const before = await memory.get(anybody, 's');
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      await expect(operation('s', services), name).rejects.toMatchObject({ name: 'DomainError' });
    }
    expect(await memory.get(anybody, 's')).toEqual(before);
  });

  describe('ask the store the same, and are told the same,', () => {
    /** What was asked of the store, and what was answered, with the identifier taken out. */
    async function outcome(id: string, work: (services: Harness) => Promise<unknown>) {
      const { store, asked } = recorded(under.store);
      const answer = await work({ ...harness(store), clock: services.clock }).catch(
        (error: { code: string; message: string }) => [error.code, error.message],
      );
      return { asked, answer: JSON.stringify(answer).replaceAll(id, 'ID') };
    }

    it.each(Object.keys(OPERATIONS))('whosever a session is: %s', async (name) => {
      const { sessions, memory, users } = services;
      await users.add(anybody, { user_id: 'gone' });
      for (const [session_id, user_id] of [
        ['live', 'ada'],
        ['deleted', 'ada'],
        ['revived', 'ada'],
        ['nobodys', undefined],
        ['withuser', 'gone'],
      ] as const) {
        await sessions.add(anybody, { session_id, user_id });
        await memory.add(anybody, session_id, [{ ...(said[0] as (typeof said)[0]), uuid: UUID }]);
      }
      await sessions.delete(anybody, 'deleted');
      await sessions.delete(anybody, 'revived');
      await memory.add(anybody, 'revived', said);
      await users.delete(anybody, 'gone');
      const present = async () => [
        await sessions.list(anybody, LIST),
        await memory.get(anybody, 'live'),
        await memory.get(anybody, 'revived'),
        await memory.get(anybody, 'nobodys'),
      ];
      const before = await present();

      const operation = OPERATIONS[name] as (typeof OPERATIONS)[string];
      const never = await outcome('never-existed', (all) => operation('never-existed', all));
      expect(never.asked.length).toBeGreaterThan(0);
      for (const id of ['live', 'deleted', 'revived', 'nobodys', 'withuser']) {
        expect(await outcome(id, (all) => operation(id, all)), id).toEqual(never);
      }
      expect(await present()).toEqual(before);
    });
  });
});
