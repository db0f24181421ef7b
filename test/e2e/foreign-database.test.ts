import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { call } from '../support/call.ts';
import { contentOf, foreignDocuments } from '../support/mongodb-content.ts';
import { Servers } from '../support/server-process.ts';

const uri = inject('mongodbReplicaSet') as string;
const skipped = uri === null ? `: skipped, ${inject('mongodbSkipReason')}` : '';

/** Long enough for two sweeps, and as many rounds of a TTL monitor that goes every second. */
const SWEEPS_MS = 3000;

describe.skipIf(uri === null)(`a database of another application${skipped}`, () => {
  let servers: Servers;
  let admin: MongoClient;
  let db: Db;
  beforeAll(async () => {
    admin = new MongoClient(uri);
    servers = await Servers.open();
  });
  beforeEach(() => {
    db = admin.db(`e2e_${randomUUID()}`);
  });
  afterEach(() => db.dropDatabase());
  afterAll(async () => {
    await servers.close();
    await admin.close();
  });

  const start = (...args: string[]) =>
    servers.spawnObserved({
      args,
      env: {
        ...{ MONGODB_URI: uri, MONGODB_DATABASE: db.databaseName },
        ...{ PURGE_AFTER: '1s', PURGE_EVERY: '1s' },
      },
    });

  it.each([[[]], [['--read-only']]])(
    'keeps its documents beside a server with the flags %j, and after it',
    async (flags) => {
      await db.collection('users').insertMany(foreignDocuments(50));
      await db.collection('sessions').insertMany(foreignDocuments(50));
      await db.collection('sessions').createIndex({ session_id: 1 });
      const before = await contentOf(db);
      const server = await start(...flags);
      const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
      await call(client, 'list_sessions', { deleted: 'only' });
      await call(client, 'list_users', {});
      if (flags.length === 0) {
        await call(client, 'add_session', { session_id: 's' });
        await call(client, 'delete_session', { session_id: 's' });
      }
      await delay(SWEEPS_MS);
      await server.kill('SIGTERM');
      await delay(SWEEPS_MS / 2);
      const after = await contentOf(db);
      for (const name of ['users', 'sessions']) expect(after[name]).toStrictEqual(before[name]);
      if (flags.length > 0) expect(after).toStrictEqual(before);
    },
  );

  it.each([[[]], [['--read-only']]])(
    'that has our names is refused by a server with the flags %j, and left as it is',
    async (flags) => {
      await db.collection('mcp_sessions_users').insertMany(foreignDocuments(50));
      await db.collection('mcp_sessions_sessions').insertMany(foreignDocuments(50));
      const before = await contentOf(db);
      const server = await start(...flags);
      const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
      for (const tool of ['list_sessions', 'list_users']) {
        const { isError, text } = await client.callTool(tool);
        expect(isError).toBe(true);
        expect(text).toMatch(/^INTERNAL: .*mcp_sessions_users.*MONGODB_DATABASE/);
      }
      const ready = await fetch(`${server.opsUrl}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.text()).toContain('MONGODB_DATABASE');
      await delay(SWEEPS_MS);
      await server.kill('SIGTERM');
      expect(await contentOf(db)).toStrictEqual(before);
    },
  );

  it.each([[['purge']], [['purge', '--dry-run']]])('ends %j with words', async (args) => {
    await db.collection('mcp_sessions_users').insertMany(foreignDocuments(50));
    const before = await contentOf(db);
    const { exited, stderr } = servers.spawn({
      args,
      env: { MONGODB_URI: uri, MONGODB_DATABASE: db.databaseName, PURGE_AFTER: '1s' },
    });
    expect(await exited).toMatchObject({ code: 1 });
    expect(stderr()).toContain('MONGODB_DATABASE');
    expect(await contentOf(db)).toStrictEqual(before);
  });
});
