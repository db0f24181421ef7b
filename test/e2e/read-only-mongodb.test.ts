import { type Db, MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { call } from '../support/call.ts';
import type { McpClient } from '../support/clients.ts';
import { type Mongod, startMongod } from '../support/mongod.ts';
import { contentOf } from '../support/mongodb-content.ts';
import { Servers } from '../support/server-process.ts';

const found = inject('mongod');
const skipped = found === null ? `: skipped, ${inject('mongodbSkipReason')}` : '';
const DATABASE = 'shared';

/** Roles of MongoDB: https://www.mongodb.com/docs/manual/reference/built-in-roles/ */
describe.skipIf(found === null)(`a MongoDB user who may only read${skipped}`, () => {
  let mongod: Mongod;
  let servers: Servers;
  let admin: MongoClient;
  let db: Db;
  beforeAll(async () => {
    if (found === null) return;
    mongod = await startMongod(found, { standalone: true, auth: true });
    servers = await Servers.open();
    admin = new MongoClient(mongod.uri);
    db = admin.db(DATABASE);
    for (const [name, role] of [
      ['reader', 'read'],
      ['writer', 'readWrite'],
    ]) {
      const roles = [DATABASE, 'empty'].map((of) => ({ role, db: of }));
      await admin.db('admin').command({ createUser: name, pwd: name, roles });
    }
    await fill();
  });
  afterAll(async () => {
    await servers?.close();
    await admin?.close();
    await mongod?.stop();
  });

  const addressOf = (user: string) => `mongodb://${user}:${user}@127.0.0.1:${mongod.port}/`;

  const settings = (user: string, database = DATABASE) => ({
    ...{ MONGODB_URI: addressOf(user), MONGODB_DATABASE: database },
    ...{ PURGE_AFTER: '1s', PURGE_EVERY: '1s' },
  });

  /** By a server that may write, with something for everybody to purge. */
  async function fill(): Promise<void> {
    const env = { ...settings('writer'), PURGE_AFTER: '7d' };
    const writer = await servers.connectStdio('v2', { env });
    await call(writer, 'add_user', { user_id: 'u' });
    await call(writer, 'add_user', { user_id: 'gone' });
    await call(writer, 'add_session', { session_id: 's', user_id: 'u' });
    const messages = [{ role: 'user', content: 'a fox, a hare' }];
    for (const session_id of ['s', 'gone'])
      await call(writer, 'add_memory', { session_id, messages });
    await call(writer, 'set_summary', { session_id: 's', content: 'animals', up_to_seq: 1 });
    await call(writer, 'delete_session', { session_id: 'gone' });
    await call(writer, 'delete_user', { user_id: 'gone' });
    await writer.close();
  }

  /** All that a server offers to those who only read. */
  async function readAll(client: McpClient): Promise<void> {
    const tools = (await client.listTools()).map(({ name }) => name);
    const args: Record<string, Record<string, unknown>> = {
      get_session: { session_id: 's' },
      list_sessions: { include_total: true },
      get_memory: { session_id: 's' },
      list_messages: { session_id: 's', include_total: true },
      search_memory: { query: 'fox', neighbours: 1 },
      get_user: { user_id: 'u' },
      list_users: { deleted: 'only', include_total: true },
    };
    expect(tools.toSorted()).toStrictEqual(Object.keys(args).toSorted());
    for (const tool of tools) await call(client, tool, args[tool] ?? {});
    await call(client, 'list_sessions', {
      user_id: 'u',
      deleted: 'only',
      page_size: 1,
      page_number: 1,
    });
    expect((await client.callTool('get_session', { session_id: 'gone' })).text).toMatch(
      /^NOT_FOUND/,
    );
    const { messages } = await call(client, 'list_messages', { session_id: 's' });
    for (const uri of [
      'session://s',
      'session://s/messages',
      `session://s/messages/${messages[0].uuid}`,
      'user://u',
      'user://u/sessions',
    ]) {
      expect(await client.readResource(uri)).not.toBe('');
    }
    expect((await client.listResources()).resources).not.toHaveLength(0);
    for (const prompt of await client.listPrompts()) {
      expect(await client.getPrompt(prompt.name, { session_id: 's' })).toContain('fox');
    }
    expect((await client.complete('session://{session_id}', 'session_id', 's')).values).toContain(
      's',
    );
    expect((await client.complete('user://{user_id}', 'user_id', 'u')).values).toContain('u');
  }

  it('is served with --read-only all that there is to be read, and nothing is written', async () => {
    const before = await contentOf(db);
    const server = await servers.spawnObserved({ args: ['--read-only'], env: settings('reader') });
    const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    await readAll(client);
    expect((await fetch(`${server.opsUrl}/readyz`)).status).toBe(200);
    // By then it would have swept.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await readAll(client);
    await server.kill('SIGTERM');
    expect(server.stderr()).not.toMatch(/"level":"(warn|error)"/);
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it('changes nothing with --read-only by a user who might, either', async () => {
    const before = await contentOf(db);
    const server = await servers.spawnHttp({ args: ['--read-only'], env: settings('writer') });
    const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    await readAll(client);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await server.kill('SIGTERM');
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it('is answered as by an empty store where there is no database', async () => {
    const env = settings('reader', 'empty');
    const client = await servers.connectStdio('v2', { args: ['--read-only'], env });
    expect((await call(client, 'list_sessions', {})).sessions).toStrictEqual([]);
    expect((await call(client, 'search_memory', { query: 'fox' })).hits).toStrictEqual([]);
    expect((await client.callTool('get_user', { user_id: 'u' })).text).toMatch(/^NOT_FOUND/);
    expect(await contentOf(admin.db('empty'))).toStrictEqual({});
  });

  it('can count what a purge would take, which a dry run does without a change', async () => {
    const before = await contentOf(db);
    const { exited, stdout } = servers.spawn({
      args: ['purge', '--dry-run'],
      env: settings('reader'),
    });
    expect(await exited).toMatchObject({ code: 0 });
    expect(stdout()).toContain('1 session, 1 message, 1 user');
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it('hears without --read-only which right is missing', async () => {
    const before = await contentOf(db);
    const client = await servers.connectStdio('v2', { env: settings('reader') });
    for (const tool of ['list_sessions', 'add_session']) {
      const { text } = await client.callTool(
        tool,
        tool === 'add_session' ? { session_id: 'x' } : {},
      );
      expect(text).toMatch(/^INTERNAL: .*readWrite.*--read-only/);
    }
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it('hears so, too, where not even reading is allowed', async () => {
    const env = settings('reader', 'elsewhere');
    const client = await servers.connectStdio('v2', { args: ['--read-only'], env });
    const { text } = await client.callTool('list_sessions');
    expect(text).toMatch(/^INTERNAL: .*the role read/);
  });
});
