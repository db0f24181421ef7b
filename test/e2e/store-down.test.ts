import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { McpClient, ToolAnswer } from '../support/clients.ts';
import { type MongodBinary, startMongod } from '../support/mongod.ts';
import { OFFERED_BY_DEFAULT } from '../support/offered.ts';
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
    expect(await client.listTools()).toHaveLength(OFFERED_BY_DEFAULT.length);

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
      expect(await client.listTools()).toHaveLength(OFFERED_BY_DEFAULT.length);
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

  /** What a server that is started with a file prints before it ends. */
  async function refusal(file: string, ...args: string[]): Promise<string> {
    const server = servers.spawn({ args, env: { SESSIONS_DB: file } });
    const { code } = await server.exited;
    const stderr = server.stderr();
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(JSON.stringify(file));
    expect(stderr).toMatch(/Mend that, or name another with SESSIONS_DB\.\n$/);
    return stderr;
  }

  /** What becomes of a call to a server whose file is spoilt after it has started. */
  async function expectFailure(
    spoil: () => Promise<unknown>,
  ): Promise<{ client: McpClient; code: string }> {
    const client = await servers.connectStdio('v2', { env: { SESSIONS_DB: path } });
    expect(await client.listTools()).toHaveLength(OFFERED_BY_DEFAULT.length);
    await spoil();
    const { isError, content, text } = await client.callTool('add_session', { session_id: 'one' });
    expect(isError).toBe(true);
    expect(text).toContain('session file');
    expect(text).not.toMatch(/secret-place|sqlite|ENO|EACC|EISDIR|EROFS|\n|at .*\.js/i);
    const resources = await client.listResources().catch((error: unknown) => error);
    expect(resources).toMatchObject({ code: -32603, message: content.error.message });
    // Whoever runs the server finds there what callers are not told.
    expect(client.stderr()).toContain('secret-place');
    return { client, code: content.error.code };
  }

  it('in a folder that is a file does not start, and says why', async () => {
    await writeFile(path, '');
    expect(await refusal(join(path, 'sessions.db'))).toMatch(/a file .* where a folder has to be/);
    expect(await refusal(join(path, 'deeper', 'sessions.db'))).toMatch(/where a folder has to be/);
  });

  it('that is a folder does not start, and says why', async () => {
    await mkdir(path);
    expect(await refusal(path)).toContain('is a folder, and not a file');
  });

  it.skipIf(process.platform === 'win32')(
    'that is a pipe does not start and wait, and says why',
    async () => {
      execFileSync('mkfifo', [path]);
      expect(await refusal(path)).toContain('is a pipe, and not a file');
    },
  );

  it('of something else does not start, says why, and leaves it as it is', async () => {
    const contents = 'These are my notes. '.repeat(500);
    await writeFile(path, contents);
    expect(await refusal(path)).toContain('is not a session file');
    expect(await readFile(path, 'utf8')).toBe(contents);
  });

  it.each([
    ['of its own kind', 'PRAGMA application_id = 7; CREATE TABLE notes (x)'],
    ['that it has not marked', 'CREATE TABLE sessions (x TEXT); CREATE TABLE users (x TEXT)'],
    ['with a log', 'PRAGMA journal_mode = WAL; CREATE TABLE sessions (x TEXT)'],
  ])('of another program %s does not start, and leaves it as it is', async (_what, sql) => {
    const database = await Database.open(path);
    database.exec(sql);
    database.close();
    const before = await readFile(path);
    expect(await refusal(path)).toContain('is a database of some other program');
    expect(await readFile(path)).toStrictEqual(before);
    expect(await readdir(servers.directory)).toStrictEqual(['secret-place']);
  });

  it('of a later version does not start, and says so', async () => {
    await (await openSqliteStore(path)).close();
    const database = await Database.open(path);
    database.exec('PRAGMA user_version = 1000; PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    expect(await refusal(path)).toContain('was written by a newer version');
  });

  it('that is not there, and with --read-only, does not start, and makes none', async () => {
    expect(await refusal(path, '--read-only')).toContain('is not there');
    expect(await readdir(servers.directory)).toStrictEqual([]);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'in a folder that it may not write does not start, and says why',
    async () => {
      await mkdir(path, { mode: 0o500 });
      expect(await refusal(join(path, 'sessions.db'))).toContain('may not be written');
    },
  );

  it('that comes to be a folder says no more than that', async () => {
    expect((await expectFailure(() => mkdir(path))).code).toBe('UNAVAILABLE');
  });

  it('that comes to be a pipe says no more than that, and does not wait', async () => {
    const spoil = async () => execFileSync('mkfifo', [path]);
    expect((await expectFailure(spoil)).code).toBe('UNAVAILABLE');
  });

  it.each([
    ['of something else', 'These are my notes. '.repeat(500)],
    ['with a damaged database', `SQLite format 3\0${'damaged '.repeat(1000)}`],
  ])('%s leaves it as it is, and works once it is moved away', async (_what, contents) => {
    const { client, code } = await expectFailure(() => writeFile(path, contents));
    expect(code).toBe('INTERNAL');
    expect(await readFile(path, 'utf8')).toBe(contents);
    await rm(path);
    const added = await client.callTool('add_session', { session_id: 'one' });
    expect(added.isError, added.text).toBe(false);
  });

  it.skipIf(process.platform !== 'linux')('opens no more files with every call', async () => {
    const { client } = await expectFailure(() => writeFile(path, 'My notes. '.repeat(500)));
    const openFiles = async () => (await readdir(`/proc/${client.pid}/fd`)).length;
    const before = await openFiles();
    for (let n = 0; n < 20; n++) await client.callTool('get_session', { session_id: 'one' });
    expect(await openFiles()).toBeLessThan(before + 10);
  });

  it('takes no more changes once a newer version has brought the file up to date', async () => {
    const client = await servers.connectStdio('v2', { env: { SESSIONS_DB: path } });
    expect((await client.callTool('add_session', { session_id: 'one' })).isError).toBe(false);
    const newer = await Database.open(path);
    newer.exec('PRAGMA user_version = 1000');
    const refused = await client.callTool('add_session', { session_id: 'two' });
    expect(refused.text).toMatch(/^INTERNAL: .*newer version.*Update/);
    expect(newer.prepare('SELECT session_id FROM sessions').all()).toStrictEqual([['one']]);
    newer.close();
  });
});
