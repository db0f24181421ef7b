import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import {
  EVERY_TOOLSET,
  OFFERED_BY_DEFAULT,
  READING,
  READING_BY_DEFAULT,
} from '../support/offered.ts';
import { RawStdio } from '../support/raw-stdio.ts';
import { type ServerOptions, type ServerProcess, Servers } from '../support/server-process.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await Servers.open();
});
afterAll(() => servers.close());

const PASSWORD = 'p4ssw0rd-of-mine';

interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the program with an empty stdin until it ends. */
async function run(options: ServerOptions): Promise<Outcome> {
  const server = servers.spawn(options);
  server.stdin.end();
  const { code } = await server.exited;
  return { code, stdout: server.stdout(), stderr: server.stderr() };
}

function expectRefusal({ code, stdout, stderr }: Outcome, ...parts: string[]): void {
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^mcp-sessions: .+\n$/);
  for (const part of parts) expect(stderr).toContain(part);
}

describe('a wrong setting', () => {
  const inEnvironment: [name: string, value: string, allowed: string][] = [
    ['PURGE_AFTER', '7', 'such as 7d'],
    ['PURGE_AFTER', '10ms', 'a time from 1s'],
    ['PURGE_EVERY', 'often', 'such as 30m'],
    ['PURGE_EVERY', '30d', '24d'],
    ['LOG_LEVEL', 'loud', 'debug'],
    ['MONGODB_DATABASE', 'a b', '63 characters'],
    ['ALLOWED_HOSTS', 'http://x', 'host names'],
    ['SESSIONS_NAMESPACE', 'x'.repeat(1025), '1024 bytes'],
  ];
  const onCommandLine: [name: string, value: string, allowed: string][] = [
    ['--log-level', 'loud', 'debug'],
    ['--toolsets', 'all', 'sessions, memory, users'],
    ['--toolsets', '', 'sessions, memory, users'],
    ['--port', '70000', '65535'],
    ['--port', 'http', '65535'],
    ['--host', '0.0.0.0', '127.0.0.1'],
  ];

  it.each(inEnvironment)('ends the start with one line: %s=%j', async (name, value, allowed) => {
    expectRefusal(await run({ env: { [name]: value } }), name, value, allowed);
  });

  it.each(onCommandLine)('ends the start with one line: %s=%j', async (name, value, allowed) => {
    expectRefusal(await run({ args: ['--http', `${name}=${value}`] }), name, value, allowed);
  });

  it.each([
    ['--colour', '--help'],
    ['--port', '--help'],
    ['prune', 'purge'],
  ])(
    'ends the start with one line if it is an unknown flag or command: %s',
    async (arg, allowed) => {
      expectRefusal(await run({ args: [arg] }), arg, allowed);
    },
  );

  it.each(['tls=maybe', 'maxPoolSize=many', 'nosuch=1'])(
    'ends the start with one line: an address of MongoDB with the option %s',
    async (option) => {
      const MONGODB_URI = `mongodb://me:${PASSWORD}@127.0.0.1:1/?${option}`;
      const outcome = await run({ env: { MONGODB_URI } });
      expectRefusal(outcome, 'MONGODB_URI', option.split('=')[0]?.slice(0, 3) as string);
      expect(outcome.stderr).not.toContain(PASSWORD);
    },
  );

  it('is not an empty variable, which some hosts pass for an unset one', async () => {
    const env = { SESSIONS_NAMESPACE: '', PURGE_AFTER: '', MONGODB_URI: '', LOG_LEVEL: '' };
    expect(await run({ env })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it.each(['purge', 'embed'])(
    'ends %s with one line if it names a file that does not exist',
    async (command) => {
      const file = join(servers.directory, 'mistaken', 'sessions.db');
      const embeddings = { EMBEDDINGS_URL: 'http://127.0.0.1:1/v1', EMBEDDINGS_MODEL: 'm' };
      const outcome = await run({ args: [command], env: { SESSIONS_DB: file, ...embeddings } });
      expectRefusal(outcome, file, 'SESSIONS_DB');
      expect(existsSync(dirname(file))).toBe(false);
    },
  );

  it('is overridden by a correct flag', async () => {
    const options = { env: { LOG_LEVEL: 'loud' }, args: ['--log-level=error'] };
    expect((await run(options)).code).toBe(0);
  });
});

describe.concurrent('the password in MONGODB_URI', () => {
  const expectSecret = ({ stdout, stderr }: Pick<Outcome, 'stdout' | 'stderr'>) => {
    expect(stdout + stderr).not.toContain(PASSWORD);
  };

  it.each([
    ['of no known scheme', `mysql://me:${PASSWORD}@localhost/`],
    ['with nothing behind the scheme', `mongodb+srv:${PASSWORD}`],
    ['that is not a URI', PASSWORD],
    ['whose password had to be percent-encoded', `mongodb://me:${PASSWORD}/@:@localhost/`],
  ])('is not printed when the URI is refused: one %s', async (_what, uri) => {
    const outcome = await run({ env: { MONGODB_URI: uri } });
    expectRefusal(outcome, 'MONGODB_URI', 'mongodb://');
    expectSecret(outcome);
  });

  it.each([
    ['two ports', `mongodb://me:${PASSWORD}@127.0.0.1:1:1/`],
    ['a port that is not a number', `mongodb://me:${PASSWORD}@127.0.0.1:x/`],
    ['an unknown option', `mongodb://me:${PASSWORD}@127.0.0.1:1/?nonsense=${PASSWORD}`],
    ['a wrong option', `mongodb://me:${PASSWORD}@127.0.0.1:1/?tls=${PASSWORD}`],
    ['the password as a wrong option', `mongodb://me:${PASSWORD}@127.0.0.1:1/?${PASSWORD}=1`],
  ])('is not printed when the driver refuses a URI with %s', async (_what, uri) => {
    const outcome = await run({ env: { MONGODB_URI: uri, LOG_LEVEL: 'debug' } });
    expectRefusal(outcome, 'MONGODB_URI', 'connection-string');
    expectSecret(outcome);
  });

  it.each([
    ['with an unreachable server', `mongodb://me:${PASSWORD}@127.0.0.1:1/`],
    ['that is an SRV name that does not exist', `mongodb+srv://me:${PASSWORD}@none.invalid/`],
  ])(
    'is printed nowhere and answered nowhere, at LOG_LEVEL=debug: a URI %s',
    async (_what, uri) => {
      const options = '?serverSelectionTimeoutMS=200';
      const env = { MONGODB_URI: uri.endsWith('/') ? uri + options : uri, LOG_LEVEL: 'debug' };
      const raw = new RawStdio(servers.spawn({ env }));
      await raw.initialize();
      const answer = await raw.call('get_session', { session_id: 'one' });
      expect(answer.isError).toBe(true);
      expect(answer.structuredContent.error.message).not.toMatch(/mongodb(\+srv)?:|127\.0|invalid/);
      raw.server.stdin.end();
      await raw.server.exited;
      expect(raw.server.stderr()).toContain('"call failed');
      expectSecret({ stdout: raw.server.stdout(), stderr: raw.server.stderr() });
    },
  );

  it('is not printed by an HTTP server at its start', async () => {
    const env = { MONGODB_URI: `mongodb://me:${PASSWORD}@127.0.0.1:1/`, LOG_LEVEL: 'debug' };
    const server = await servers.spawnHttp({ env });
    await server.kill('SIGTERM');
    expectSecret({ stdout: server.stdout(), stderr: server.stderr() });
  });

  it('is not printed by a purge that cannot reach the server', async () => {
    const uri = `mongodb://me:${PASSWORD}@127.0.0.1:1/?serverSelectionTimeoutMS=200`;
    const outcome = await run({ args: ['purge'], env: { MONGODB_URI: uri, LOG_LEVEL: 'debug' } });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('mcp-sessions: MongoDB cannot be reached');
    expectSecret(outcome);
  });
});

describe('the command line', () => {
  it.each(['--help', '-h'])('%s names every flag and every variable', async (flag) => {
    // The help is shown even if a setting is wrong.
    const { code, stdout, stderr } = await run({ args: [flag], env: { LOG_LEVEL: 'loud' } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const names = [
      '--http',
      '--host',
      '--port',
      '--toolsets',
      '--read-only',
      '--version',
      '--help',
    ];
    const variables = ['MONGODB_URI', 'MONGODB_DATABASE', 'SESSIONS_DB', 'SESSIONS_NAMESPACE'];
    const more = ['PURGE_AFTER', 'PURGE_EVERY', 'LOG_LEVEL', 'purge', 'PUBLIC_URL', 'token'];
    const signIn = ['AUTH_TOKENS_FILE', 'AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE'];
    for (const name of [...names, ...variables, ...more, ...signIn]) expect(stdout).toContain(name);
  });

  it.each(['--version', '-v'])('%s prints the version of the package', async (flag) => {
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { version } = JSON.parse(manifest);
    expect(await run({ args: [flag] })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('the tools that are offered', () => {
  /** With --read-only, the file has to exist. */
  const makeFile = async () =>
    (await openSqliteStore(join(servers.directory, 'mcp-sessions', 'sessions.db'))).close();

  async function connect(...args: string[]): Promise<RawStdio> {
    const raw = new RawStdio(servers.spawn({ args }));
    await raw.initialize();
    return raw;
  }
  const namesOf = async (raw: RawStdio): Promise<string[]> =>
    (await raw.request('tools/list')).result.tools.map(({ name }: { name: string }) => name);

  it('are those that change nothing, with --read-only; others cannot be called', async () => {
    await makeFile();
    const every = await connect('--read-only', ...EVERY_TOOLSET);
    expect(await namesOf(every)).toEqual(READING);
    const raw = await connect('--read-only');
    expect(await namesOf(raw)).toEqual(READING_BY_DEFAULT);
    const others = TOOLS.map(({ name }) => name).filter(
      (name) => !READING_BY_DEFAULT.includes(name),
    );
    expect(others).toContain('add_memory');
    for (const name of others) {
      const args = { session_id: 'read-only', metadata: {} };
      const { error } = await raw.request('tools/call', { name, arguments: args });
      expect(error?.code).toBe(-32602);
      expect(error?.message).toContain(name);
    }
    expect((await raw.call('get_session', { session_id: 'read-only' })).isError).toBe(true);
  });

  it('are all but those about facts, which --toolsets adds', async () => {
    const raw = await connect();
    expect(await namesOf(raw)).toEqual(OFFERED_BY_DEFAULT);
    const others = TOOLS.map(({ name }) => name).filter(
      (name) => !OFFERED_BY_DEFAULT.includes(name),
    );
    expect(others).toContain('add_facts');
    for (const name of others) {
      const params = { name, arguments: { user_id: 'ada' } };
      expect((await raw.request('tools/call', params)).error?.code).toBe(-32602);
    }
    const every = await connect(...EVERY_TOOLSET);
    expect(await namesOf(every)).toEqual([...OFFERED_BY_DEFAULT, ...others]);
  });

  it('are those of the sets that --toolsets names; others cannot be called', async () => {
    const sessions = await connect('--toolsets', 'sessions');
    expect(await namesOf(sessions)).toEqual([
      'add_session',
      'get_session',
      'list_sessions',
      'update_session',
      'update_session_metadata',
      'delete_session',
      'restore_session',
    ]);
    const others = await connect('--toolsets', 'users, memory');
    expect(await namesOf(others)).toEqual([
      'add_memory',
      'get_memory',
      'list_messages',
      'search_memory',
      'update_message_metadata',
      'set_summary',
      'delete_messages',
      'restore_messages',
      'add_user',
      'get_user',
      'list_users',
      'update_user',
      'delete_user',
      'restore_user',
    ]);
    const params = { name: 'add_session', arguments: { session_id: 'one' } };
    expect((await others.request('tools/call', params)).error?.code).toBe(-32602);
    await makeFile();
    const reading = await connect('--toolsets', 'memory', '--read-only');
    expect(await namesOf(reading)).toEqual(['get_memory', 'list_messages', 'search_memory']);
    const facts = await connect('--toolsets', 'facts', '--read-only');
    expect(await namesOf(facts)).toEqual(['search_facts', 'get_entity']);
  });
});

describe('where sessions are kept', () => {
  const add = async (server: ServerProcess, name: string) => {
    const raw = new RawStdio(server);
    await raw.initialize();
    expect((await raw.call('add_session', { session_id: name })).isError).toBeUndefined();
    return raw;
  };

  it("is the platform's data directory, unless SESSIONS_DB names a file", async () => {
    await add(servers.spawn(), 'default');
    const { directory } = servers;
    const there: Partial<Record<NodeJS.Platform, string>> = {
      darwin: '/Library/Application Support/mcp-sessions/sessions.db',
      win32: '\\mcp-sessions\\sessions.db',
    };
    const path = directory + (there[process.platform] ?? '/mcp-sessions/sessions.db');
    expect((await readFile(path)).subarray(0, 15).toString()).toBe('SQLite format 3');

    const other = `${directory}/new/folders/other.db`;
    await add(servers.spawn({ env: { SESSIONS_DB: other } }), 'other');
    expect((await readFile(other)).subarray(0, 15).toString()).toBe('SQLite format 3');
  });

  it('is one namespace, which sees nothing of another', async () => {
    const env = { SESSIONS_DB: `${servers.directory}/namespaces.db` };
    await add(servers.spawn({ env: { ...env, SESSIONS_NAMESPACE: 'a' } }), 'same');
    const b = await add(servers.spawn({ env: { ...env, SESSIONS_NAMESPACE: 'b' } }), 'same');
    const listed = await b.call('list_sessions', { include_total: true });
    expect(listed.structuredContent.total_count).toBe(1);
  });
});
