import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';

const caller = { namespace: 'n' };
const LIST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;

/** What a user with the role `read` may send, and what every client sends. */
const READS = ['find', 'aggregate', 'count', 'getMore', 'listCollections', 'hello', 'ping'];

afterAll(closeObserved);

describe.skipIf(replicaSet === null)(`a MongoDB store that only reads${skipReason}`, () => {
  it('sends no command that could write, from its start to its end', async () => {
    const server = openObserved(replicaSet, { purgeAfter: 1000 });
    const uuid = randomUUID();
    await server.users.add(caller, { user_id: 'u' });
    await server.sessions.add(caller, { session_id: 's', user_id: 'u' });
    await server.sessions.add(caller, { session_id: 'gone' });
    await server.memory.add(caller, 's', [{ uuid, role: 'user', content: 'a fox' }]);
    server.clock.now = Date.now();
    await server.sessions.delete(caller, 'gone');
    const reader = openObserved(replicaSet, { kind: 'reader', database: server.db.databaseName });
    const { store, sessions, memory, users, search } = reader;
    const sent = await reader.sent(async () => {
      await store.ping();
      for (const reach of [caller, { ...caller, user_id: 'u' }]) {
        await sessions.get(reach, 's');
        await expect(sessions.get(reach, 'gone')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        await sessions.list(reach, { ...LIST, include_total: true });
        await sessions.list(reach, { ...LIST, deleted: 'only', page_size: 1, page_number: 2 });
        await sessions.complete(reach, 's', 5);
        await memory.get(reach, 's');
        await memory.list(reach, 's', { order: 'desc', limit: 300 });
        await memory.getMessage(reach, 's', uuid);
        await users.get(reach, 'u');
        await users.list(reach, { ...LIST, include_total: true });
        await users.complete(reach, 'u', 5);
        await search.search(reach, { query: 'fox', neighbours: 1 });
      }
      await store.vectors.newest('n', {}, { model: 'm', limit: 5 });
      await store.vectors.unembedded('m', undefined, 5);
      await store.countExpired(new Date().toISOString());
      await store.agreeRetention();
      await store.close();
    });
    expect(sent.length).toBeGreaterThan(30);
    expect(sent.filter((name) => !READS.includes(name))).toStrictEqual([]);
  });
});
