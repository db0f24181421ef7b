import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import type { McpClient, ToolAnswer } from '../support/clients.ts';
import { type MongodBinary, startMongod } from '../support/mongod.ts';
import { Servers } from '../support/server-process.ts';

const mongod = inject('mongod');
const missing = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

/**
 * How long a caller may be kept waiting for a store that is not there, in milliseconds. The store gives
 * up after 4.5 s: measured are 4.5 to 5.1 s. The driver alone would take 30 s and more.
 */
const PATIENCE = 12_000;

const DRIVER_TEXT = /mongodb:|127\.0\.0\.1|ECONN|topology|pool|[Ss]elect|\n|at .*\.js/;

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const start = performance.now();
  const result = await work;
  return { result, ms: performance.now() - start };
}

describe.skipIf(mongod === null).concurrent(`without its MongoDB, a server${missing}`, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.open();
  });
  afterAll(() => servers?.close());

  const start = (options: Parameters<typeof startMongod>[1] = {}) =>
    startMongod(mongod as MongodBinary, options);

  function expectUnavailable({ isError, content, text }: ToolAnswer): void {
    expect(isError).toBe(true);
    const { code, message, retryable } = content.error;
    expect({ code, retryable }).toEqual({ code: 'UNAVAILABLE', retryable: true });
    expect(text).toBe(`UNAVAILABLE: ${message}`);
    expect(message).not.toMatch(DRIVER_TEXT);
  }

  async function expectUnavailableInTime(
    client: McpClient,
    tool = 'get_session',
    args: Record<string, unknown> = { session_id: 'one' },
  ): Promise<void> {
    const { result, ms } = await timed(client.callTool(tool, args));
    expect(ms).toBeLessThan(PATIENCE);
    expectUnavailable(result);
  }

  it('greets, lists its tools, answers UNAVAILABLE in time, and works once it is there', async () => {
    const first = await start();
    await first.kill('SIGKILL');
    const env = { MONGODB_URI: first.uri };
    const client = await servers.connectStdio('v2', { env });
    expect(client.instructions).toContain('list_sessions');
    expect(await client.listTools()).toHaveLength(TOOLS.length);

    const uri = 'session://one';
    const resources = Promise.all(
      [
        client.listResources(),
        client.readResource(uri),
        client.complete('session://{session_id}', 'session_id', 'o'),
        client.complete('resume_session', 'session_id', 'o'),
        client.getPrompt('resume_session', { session_id: 'one' }),
      ].map((asked) => timed(asked.catch((error: unknown) => error))),
    );
    const messages = [{ role: 'user', content: 'x' }];
    await Promise.all([
      expectUnavailableInTime(client),
      expectUnavailableInTime(client, 'add_memory', { session_id: 'one', messages }),
      expectUnavailableInTime(client, 'get_memory'),
      expectUnavailableInTime(client, 'delete_user', { user_id: 'ada' }),
      expectUnavailableInTime(client, 'list_users', {}),
    ]);
    for (const { result, ms } of await resources) {
      expect(ms).toBeLessThan(PATIENCE);
      const data = { code: 'UNAVAILABLE', retryable: true };
      expect(result).toMatchObject({ code: -32603, data });
      expect((result as Error).message).not.toMatch(DRIVER_TEXT);
    }

    const second = await start({ dbPath: first.dbPath, port: first.port });
    const added = await client.callTool('add_session', { session_id: 'one' });
    expect(added.isError, added.text).toBe(false);
    await client.close();
    await second.stop();
  });

  it('that loses it by a crash in mid-life works again once it is back', async () => {
    const first = await start();
    const endpoint = await servers.serve('Streamable HTTP', { env: { MONGODB_URI: first.uri } });
    const client = await endpoint.connect('v1');
    await client.callTool('add_session', { session_id: 'one', metadata: { kept: true } });
    // Some servers have connections that idle, one has connections at work: they break differently.
    const idle = await Promise.all(
      Array.from({ length: 3 }, () =>
        servers.connectStdio('v1', { env: { MONGODB_URI: first.uri } }),
      ),
    );
    await Promise.all(idle.map((other) => other.callTool('get_session', { session_id: 'one' })));
    const calling = Array.from({ length: 20 }, async () => {
      let answer: ToolAnswer;
      do answer = await client.callTool('get_session', { session_id: 'one' });
      while (!answer.isError);
      expectUnavailable(answer);
    });
    await first.kill('SIGKILL');
    await Promise.all([...calling, ...idle.map((other) => expectUnavailableInTime(other))]);

    const second = await start({ dbPath: first.dbPath, port: first.port });
    const found = await client.callTool('get_session', { session_id: 'one' });
    expect(found.content.session.metadata).toEqual({ kept: true });
    await client.close();
    await endpoint.stop();
    await second.stop();
  });

  it('that has it frozen is not frozen itself, and works again after the thaw', async () => {
    const frozen = await start();
    const client = await servers.connectStdio('v2', { env: { MONGODB_URI: frozen.uri } });
    await client.callTool('add_session', { session_id: 'one' });
    process.kill(frozen.pid, 'SIGSTOP');
    try {
      const waiting = Promise.all([
        expectUnavailableInTime(client),
        expectUnavailableInTime(client),
      ]);
      expect(await client.listTools()).toHaveLength(TOOLS.length);
      await waiting;
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
    }
    const found = await client.callTool('get_session', { session_id: 'one' });
    expect(found.isError, found.text).toBe(false);
    await client.close();
    await frozen.stop();
  });
});

describe('with a session file that cannot be used, a server', () => {
  let servers: Servers;
  let path: string;
  beforeEach(async () => {
    servers = await Servers.open();
    path = join(servers.directory, 'secret-place');
  });
  afterEach(() => servers.close());

  async function expectFailure(file: string): Promise<{ client: McpClient; code: string }> {
    const client = await servers.connectStdio('v2', { env: { SESSIONS_DB: file } });
    expect(await client.listTools()).toHaveLength(TOOLS.length);
    const { isError, content, text } = await client.callTool('add_session', { session_id: 'one' });
    expect(isError).toBe(true);
    expect(text).toContain('session file');
    expect(text).not.toMatch(/secret-place|sqlite|libsql|ENO|EACC|EISDIR|EROFS|\n|at .*\.js/i);
    const resources = await client.listResources().catch((error: unknown) => error);
    expect(resources).toMatchObject({ code: -32603, message: content.error.message });
    // Whoever runs the server finds there what callers are not told.
    expect(client.stderr()).toContain('secret-place');
    return { client, code: content.error.code };
  }

  it('in a folder that is a file says no more than that', async () => {
    await writeFile(path, '');
    expect((await expectFailure(join(path, 'sessions.db'))).code).toBe('UNAVAILABLE');
  });

  it('that is a folder says no more than that', async () => {
    await mkdir(path);
    expect((await expectFailure(path)).code).toBe('UNAVAILABLE');
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'in a folder that it may not write says no more than that',
    async () => {
      await mkdir(path, { mode: 0o500 });
      expect((await expectFailure(join(path, 'sessions.db'))).code).toBe('UNAVAILABLE');
    },
  );

  it.each([
    ['of something else', 'These are my notes. '.repeat(500)],
    ['with a damaged database', `SQLite format 3\0${'damaged '.repeat(1000)}`],
  ])('%s leaves it as it is, and works once it is moved away', async (_what, contents) => {
    await writeFile(path, contents);
    const { client, code } = await expectFailure(path);
    expect(code).toBe('INTERNAL');
    await rm(path);
    const added = await client.callTool('add_session', { session_id: 'one' });
    expect(added.isError, added.text).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')('opens no more files with every call', async () => {
    await writeFile(path, 'These are my notes. '.repeat(500));
    const { client } = await expectFailure(path);
    const openFiles = async () => (await readdir(`/proc/${client.pid}/fd`)).length;
    const before = await openFiles();
    for (let n = 0; n < 20; n++) await client.callTool('get_session', { session_id: 'one' });
    expect(await openFiles()).toBeLessThan(before + 10);
  });

  it('of a later version says so', async () => {
    const database = new Libsql(path);
    database.exec('PRAGMA user_version = 1000');
    database.close();
    const client = await servers.connectStdio('v2', { env: { SESSIONS_DB: path } });
    const { text } = await client.callTool('list_sessions');
    expect(text).toMatch(/^INTERNAL: .*newer version.*Update/);
  });
});
