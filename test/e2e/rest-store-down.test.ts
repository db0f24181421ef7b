import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { lockFile } from '../support/file-lock.ts';
import { type MongodBinary, startMongod } from '../support/mongod.ts';
import { type Answer, send } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';

const mongod = inject('mongod');
const missing = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

const STORE_TEXT =
  /mongodb:|127\.0\.0\.1|ECONN|topology|pool|[Ss]elect|secret-place|sqlite|ENO|EACC|EISDIR|\n|at .*\.js/;

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

const said = { messages: [{ role: 'user', content: 'x' }] };

const post = (url: string, path: string, body: object) =>
  send(url, { method: 'POST', path, body: JSON.stringify(body) });

/** Requests of all kinds, most of which are answered by what the store has. */
const requests = (url: string): Promise<Answer>[] => [
  ...['/api/v1/sessions', '/api/v1/sessions/s', '/api/v1/sessions/s/memory', '/api/v1/user/x'].map(
    (path) => send(url, { path }),
  ),
  ...['/api/v2/sessions-ordered', '/api/v2/users-ordered', '/api/v2/sessions/s/messages'].map(
    (path) => send(url, { path }),
  ),
  post(url, '/api/v1/sessions/s/memory', said),
  post(url, '/api/v2/sessions/s/memory', said),
  post(url, '/api/v2/sessions', { session_id: 's' }),
  post(url, '/api/v2/sessions/search', { text: 'x' }),
  send(url, { method: 'DELETE', path: '/api/v2/sessions/s/memory' }),
];

function expectWords({ headers, body }: Answer): void {
  const isText = headers['content-type'] === 'text/plain; charset=utf-8';
  const message = isText ? body : JSON.parse(body).message;
  expect(message.length).toBeGreaterThan(30);
  expect(message).not.toMatch(STORE_TEXT);
}

/** What needs no store is answered as ever. */
async function expectAlive(url: string): Promise<void> {
  expect((await send(`${url}/healthz`)).body).toBe('.');
  expect((await send(`${url}/api/openapi.json`)).status).toBe(200);
  expect((await send(`${url}/api/v2/nowhere`)).status).toBe(404);
  expect((await post(url, '/api/v2/sessions', {})).status).toBe(400);
}

describe.skipIf(mongod === null)(`without its MongoDB, REST${missing}`, () => {
  it('answers 503 in words, and works once it is there', async () => {
    const first = await startMongod(mongod as MongodBinary);
    await first.kill('SIGKILL');
    const { url } = await servers.spawnHttp({ env: { MONGODB_URI: first.uri } });
    const asked = requests(url);
    await expectAlive(url);
    for (const answer of await Promise.all(asked)) {
      expect(answer.status, answer.body).toBe(503);
      expect(answer.headers).toHaveProperty('x-zep-version');
      expectWords(answer);
    }
    const second = await startMongod(mongod as MongodBinary, {
      dbPath: first.dbPath,
      port: first.port,
    });
    expect((await post(url, '/api/v2/sessions/s/memory', said)).status).toBe(201);
    await second.stop();
  });

  it('stores an append once that is repeated until it answers again', async () => {
    const frozen = await startMongod(mongod as MongodBinary);
    const { url } = await servers.spawnHttp({ env: { MONGODB_URI: frozen.uri } });
    const path = '/api/v1/sessions/s/memory';
    expect((await post(url, path, said)).status).toBe(200);
    const next = { messages: [{ role: 'user', content: 'y' }] };
    process.kill(frozen.pid, 'SIGSTOP');
    try {
      const waiting = [1, 2, 3].map(() => post(url, path, next));
      for (const { status } of await Promise.all(waiting)) expect(status).toBe(503);
    } finally {
      process.kill(frozen.pid, 'SIGCONT');
    }
    expect((await post(url, path, next)).status).toBe(200);
    const { messages } = JSON.parse((await send(url + path)).body);
    expect(messages.map(({ content }: { content: string }) => content)).toEqual(['x', 'y']);
    await frozen.stop();
  });
});

describe('with a session file that cannot be used, REST', () => {
  let path: string;
  beforeEach(() => {
    path = join(servers.directory, 'secret-place');
  });

  /** The answers of a server whose file is spoilt after it has started. */
  async function spoilt(spoil: () => unknown): Promise<{ url: string; answers: Answer[] }> {
    const { url } = await servers.spawnHttp({ env: { SESSIONS_DB: path } });
    await spoil();
    const answers = await Promise.all(requests(url));
    await expectAlive(url);
    for (const answer of answers) expectWords(answer);
    return { url, answers };
  }

  const PIPE: [string, () => unknown] = ['a pipe', () => execFileSync('mkfifo', [path])];

  it.each([['a folder', () => mkdir(path)], ...(process.platform === 'win32' ? [] : [PIPE])])(
    'answers 503 where it comes to be %s',
    async (_, spoil) => {
      const { answers } = await spoilt(spoil);
      for (const { status, body } of answers) expect([status, body]).toEqual([503, body]);
    },
  );

  it('answers 500 where it is something else, and works once that is moved away', async () => {
    const { url, answers } = await spoilt(() => writeFile(path, 'My notes. '.repeat(500)));
    for (const { status, body } of answers) expect([status, body]).toEqual([500, body]);
    await rm(path);
    expect((await post(url, '/api/v2/sessions/s/memory', said)).status).toBe(201);
  });

  it('answers 503 where another process writes for long, and then stores what is repeated once', async () => {
    const { url } = await servers.spawnHttp({ env: { SESSIONS_DB: path } });
    const memory = '/api/v2/sessions/s/memory';
    await post(url, '/api/v2/sessions', { session_id: 's' });
    const lock = lockFile(path);
    const waiting = [1, 2, 3].map(() => post(url, memory, said));
    expect((await send(`${url}/api/v2/sessions/s`)).status, 'what reads is answered').toBe(200);
    for (const answer of await Promise.all(waiting)) {
      expect(answer.status).toBe(503);
      expectWords(answer);
    }
    lock.release();
    expect((await post(url, memory, said)).status).toBe(201);
    const { total_count } = JSON.parse((await send(`${url}/api/v2/sessions/s/messages`)).body);
    expect(total_count).toBe(1);
  });
});
