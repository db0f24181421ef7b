import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadEngine } from '../../src/store/sqlite/connection/engine.ts';
import { call } from '../support/call.ts';
import type { McpClient } from '../support/clients.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

const DAY = 86_400_000;
const SHORT = { PURGE_AFTER: '1s', PURGE_EVERY: '1s' };
const LONG = { PURGE_AFTER: '7d', PURGE_EVERY: '1s' };
const WARNING = /"level":"warn".*PURGE_AFTER is 1s here, but 7d at another server/;

describe.each(E2E_DATABASES)('servers with different PURGE_AFTER ($name)', ({ missing, open }) => {
  const specify = it.skipIf(missing !== undefined);
  let servers: Servers;
  let e2eDatabase: E2eDatabase;
  beforeEach(async () => {
    servers = await Servers.open();
    e2eDatabase = open();
  });
  afterEach(async () => {
    await servers.close();
    await e2eDatabase.drop();
  });

  type Running = ServerProcess & { client: McpClient };

  async function start(settings: Record<string, string>): Promise<Running> {
    const server = await servers.spawnHttp({
      env: { ...e2eDatabase.env, LOG_LEVEL: 'info', ...settings },
    });
    const client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    // By then it has registered.
    await call(client, 'list_sessions', {});
    return { ...server, client };
  }

  /** Adds a session with a message, and a user with an empty one. */
  async function addBoth({ client }: Running): Promise<void> {
    const messages = [{ role: 'user', content: 'a fox' }];
    await call(client, 'add_user', { user_id: 'u' });
    await call(client, 'add_session', { session_id: 'empty', user_id: 'u' });
    await call(client, 'add_memory', { session_id: 'talk', messages });
  }

  async function deleteBoth({ client }: Running): Promise<{ purge_at?: string }> {
    await call(client, 'delete_user', { user_id: 'u' });
    return call(client, 'delete_session', { session_id: 'talk' });
  }

  /** Whether both can be restored through a server. */
  async function restoresBoth({ client }: Running): Promise<boolean> {
    const user = await client.callTool('restore_user', { user_id: 'u' });
    const session = await client.callTool('restore_session', { session_id: 'talk' });
    return !user.isError && !session.isError;
  }

  specify.each([
    ['the shorter', 'first', SHORT, LONG],
    ['the longer', 'first', LONG, SHORT],
  ])("end nobody's undo where %s comes %s", async (_, __, first, second) => {
    const [one, two] = [await start(first), await start(second)];
    const [longer, shorter] = first === LONG ? [one, two] : [two, one];
    await shorter.logged(WARNING);
    await addBoth(longer);
    for (const [deletes, restores] of [
      [longer, shorter],
      [shorter, longer],
    ] as const) {
      const { purge_at } = await deleteBoth(deletes);
      expect(Date.parse(purge_at as string) - Date.now()).toBeGreaterThan(6 * DAY);
      // Two sweeps of the shorter one, and as many of a TTL monitor.
      await delay(2500);
      expect(await restoresBoth(restores)).toBe(true);
      const { messages } = await call(deletes.client, 'get_memory', { session_id: 'talk' });
      expect(messages).toHaveLength(1);
    }
    expect(shorter.stderr().match(new RegExp(WARNING, 'g'))).toHaveLength(1);
    expect(longer.stderr()).not.toContain('PURGE_AFTER is');
  });

  specify('go by the shorter one once the longer one has stopped', async () => {
    const [shorter, longer] = [await start(SHORT), await start(LONG)];
    await shorter.logged(WARNING);
    await addBoth(longer);
    await deleteBoth(longer);
    await longer.kill('SIGTERM');
    await shorter.logged(/"purged"/);
    await shorter.logged(/PURGE_AFTER is 1s at every server again/);
    expect(await restoresBoth(shorter)).toBe(false);
  });

  specify(
    'go by the longer one after its kill -9, until its registration has expired',
    async () => {
      const [shorter, longer] = [await start(SHORT), await start(LONG)];
      await shorter.logged(WARNING);
      await addBoth(longer);
      await deleteBoth(longer);
      await longer.kill('SIGKILL');
      await delay(2500);
      expect(await restoresBoth(shorter)).toBe(true);
      await call(shorter.client, 'delete_session', { session_id: 'talk' });
      await makeExpire();
      await shorter.logged(/"purged"/);
      expect(await restoresBoth(shorter)).toBe(false);
    },
  );

  specify('bind the command purge, which says so, until they have stopped', async () => {
    const server = await start(LONG);
    await addBoth(server);
    await deleteBoth(server);
    await delay(1100);
    for (const flags of [['--dry-run'], []]) {
      const { code, stdout } = await purge(...flags);
      expect(code).toBe(0);
      expect(stdout).toContain('PURGE_AFTER is 1s here, but 7d at a server');
      expect(stdout).toContain('0 sessions, 0 messages, 0 users');
    }
    expect(await restoresBoth(server)).toBe(true);
    await call(server.client, 'delete_session', { session_id: 'talk' });
    await server.kill('SIGTERM');
    await delay(1100);
    const { stdout } = await purge();
    // Not '7d' alone, which the random name of the database may contain.
    expect(stdout).not.toContain(' 7d ');
    expect(stdout).toContain('Done: 1 session, 1 message, 0 users purged.');
  });

  async function purge(...flags: string[]) {
    const { exited, stdout } = servers.spawn({
      args: ['purge', ...flags],
      env: { ...e2eDatabase.env, PURGE_AFTER: '1s' },
    });
    return { ...(await exited), stdout: stdout() };
  }

  /** Lets the time pass that a registration of 7d has left. */
  async function makeExpire(): Promise<void> {
    const { MONGODB_URI: uri, MONGODB_DATABASE: database } = e2eDatabase.env;
    if (uri === undefined) {
      const DatabaseSync = await loadEngine();
      const file = new DatabaseSync(join(servers.directory, 'mcp-sessions', 'sessions.db'), {});
      file.exec(`PRAGMA busy_timeout = 5000; UPDATE servers SET expires_at = 0
        WHERE purge_after_ms = ${7 * DAY}`);
      file.close();
      return;
    }
    const client = new MongoClient(uri);
    await client
      .db(database)
      .collection('mcp_sessions_metadata')
      .updateOne(
        { 'servers.purge_after_ms': 7 * DAY },
        { $set: { 'servers.$.expires_at': new Date(0) } },
      );
    await client.close();
  }
});
