import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Config, ConfigError, load } from '../../src/config/index.ts';
import { runImport } from '../support/import-zep.ts';
import { type Misbehaviour, oldSession, startOldZep } from '../support/old-zep.ts';
import { Servers } from '../support/server-process.ts';

const URL_GIVEN = ['import', 'zep', '--url', 'http://zep.example:8000'];

function config(argv: readonly string[], env: Record<string, string> = {}): Config {
  const loaded = load(argv, { HOME: '/home/me', ...env }, 'linux');
  if (loaded.kind !== 'config') throw new Error(`loaded ${loaded.kind}`);
  return loaded.config;
}

describe('the command line of import zep', () => {
  it('has an address, a key and a generation', () => {
    const argv = [...URL_GIVEN, '--api-key', 'k-1', '--api', 'v1'];
    expect(config(argv)).toMatchObject({
      command: 'import',
      importUrl: 'http://zep.example:8000',
      importApiKey: 'k-1',
      importApi: 'v1',
    });
    expect(config(URL_GIVEN)).not.toHaveProperty('importApi');
  });

  it('takes the key from the environment, and the flag before it', () => {
    expect(config(URL_GIVEN, { ZEP_API_KEY: 'k-2' }).importApiKey).toBe('k-2');
    const both = config([...URL_GIVEN, '--api-key', 'k-1'], { ZEP_API_KEY: 'k-2' });
    expect(both.importApiKey).toBe('k-1');
  });

  it.each([
    ['http://zep.example:8000/', 'http://zep.example:8000'],
    ['https://zep.example/memory/api/v1/', 'https://zep.example/memory'],
    ['http://zep.example/api/v2', 'http://zep.example'],
  ])('takes %s for %s', (given, url) => {
    expect(config(['import', 'zep', '--url', given]).importUrl).toBe(url);
  });

  it.each<[string[], Record<string, string>, string[]]>([
    [['import'], {}, ['import zep']],
    [['import', 'mem0'], {}, ['import zep']],
    [['import', 'zep', 'zep'], {}, ['import zep']],
    [['import', 'zep'], {}, ['--url']],
    [['import', 'zep', '--url', 'zep.example'], {}, ['--url', '"zep.example"', 'http://']],
    [['import', 'zep', '--url', 'ftp://zep.example'], {}, ['--url', 'http://']],
    [['import', 'zep', '--url', 'http://me:pw@zep.example'], {}, ['--url', 'password']],
    [[...URL_GIVEN, '--api', 'v3'], {}, ['--api', '"v3"', 'v1 or v2']],
    [[...URL_GIVEN, '--read-only'], {}, ['--read-only', 'import']],
    [['--url', 'http://zep.example'], {}, ['--url', 'import zep']],
    [['purge', '--api', 'v1'], {}, ['--api', 'import zep']],
    [['--api-key', 'k'], {}, ['--api-key', 'import zep']],
    [URL_GIVEN, { ZEP_API_KEY: 'two words' }, ['ZEP_API_KEY', 'not shown']],
  ])('refuses %j with %j in one line', (argv, env, words) => {
    const error = refusal(argv, env);
    for (const word of words) expect(error).toContain(word);
    expect(error).not.toContain('\n');
    expect(error).not.toContain('two words');
  });

  it('leaves a key in the environment of other commands alone', () => {
    expect(config([], { ZEP_API_KEY: 'two words' }).command).toBe('serve');
  });
});

function refusal(argv: string[], env: Record<string, string>): string {
  try {
    config(argv, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('import zep from an address that is no good', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await Servers.open();
  });
  afterAll(() => servers.close());

  /** Runs an import that has to fail before it opens a store. @returns what it wrote to stderr */
  async function failure(url: string, args: string[] = []): Promise<string> {
    const file = join(servers.directory, 'untouched.db');
    const all = ['--url', url, '--api-key', 'very-secret', ...args];
    const { code, stdout, stderr } = await runImport(servers, all, { SESSIONS_DB: file });
    expect(code).toBe(1);
    expect(existsSync(file)).toBe(false);
    expect(stdout + stderr).not.toContain('very-secret');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    return stderr;
  }

  /** A server that answers everything in one way. */
  async function failureAt(misbehave: Misbehaviour, args: string[] = []): Promise<string> {
    const old = await startOldZep({}, misbehave);
    try {
      return await failure(old.url, args);
    } finally {
      await old.close();
    }
  }

  const always =
    (status: number, type: string, body: string): Misbehaviour =>
    (_, response) => {
      response.writeHead(status, { 'content-type': type }).end(body);
      return true;
    };

  it('says that nothing listens there', async () => {
    const old = await startOldZep({});
    await old.close();
    expect(await failure(old.url)).toMatch(/cannot be reached \(ECONNREFUSED\).*--url/);
  });

  it('says that the key is wrong, also where the server repeats it', async () => {
    const stderr = await failureAt(always(401, 'text/plain', 'bad key very-secret'));
    expect(stderr).toMatch(/401: "bad key \*\*\*".*ZEP_API_KEY/);
  });

  it('says that a key is missing', async () => {
    const old = await startOldZep({}, always(401, 'text/plain', 'no key'));
    const env = { SESSIONS_DB: join(servers.directory, 'untouched.db') };
    const { code, stderr } = await runImport(servers, ['--url', old.url], env);
    await old.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/Give its API key as ZEP_API_KEY or --api-key/);
  });

  it.each([
    [
      'a web page',
      always(200, 'text/html', '<html>Welcome</html>'),
      /is not JSON \("text\/html"\)/,
    ],
    ['other JSON', always(200, 'application/json', '{"hello":"world"}'), /not of the API v1/],
    ['a list of other things', always(200, 'application/json', '[{"a":1}]'), /not of the API v1/],
    ['nothing', always(404, 'text/plain', 'nothing here'), /404: "nothing here".*--url and --api/],
  ])('says that there is %s', async (_, misbehave, words) => {
    expect(await failureAt(misbehave)).toMatch(/does not answer as a Zep server.*Check --url/);
    expect(await failureAt(misbehave, ['--api', 'v1'])).toMatch(words);
  });

  it('does not follow a redirect, so that no other host gets the key', async () => {
    let strangers = 0;
    const stranger = createServer((_, response) => {
      strangers += 1;
      response.end('[]');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const location = `http://localhost:${(stranger.address() as AddressInfo).port}/`;
    const stderr = await failureAt((_, response) => {
      response.writeHead(307, { location }).end();
      return true;
    });
    stranger.close();
    expect(stderr).toContain(`redirects to "${location}" (307)`);
    expect(strangers).toBe(0);
  });

  it('finds the generation that answers, and signs in as that does', async () => {
    const old = await startOldZep({ sessions: [oldSession(1, 'only')] });
    const env = { SESSIONS_DB: join(servers.directory, 'found.db'), ZEP_API_KEY: 'very-secret' };
    const { code, stderr } = await runImport(servers, ['--url', old.url], env);
    await old.close();
    expect(code).toBe(0);
    expect(stderr).toContain('API v1');
    expect(stderr).not.toContain('very-secret');
    const schemes = new Set(
      old.seen.map(({ path, authorization }) => [path.slice(0, 7), authorization].join()),
    );
    expect([...schemes]).toEqual(['/api/v2,Api-Key very-secret', '/api/v1,Bearer very-secret']);
  });
});
