import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockFile } from '../support/file-lock.ts';
import { ask, sendBytes, statusOf } from '../support/raw-bytes.ts';
import { type Answer, send } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
let file: string;
beforeEach(async () => {
  servers = await Servers.open();
  file = join(servers.directory, 'sessions.db');
});
afterEach(() => servers.close());

/** A server on `file`, whose operations port is asked what it counted. */
async function start(env: Record<string, string> = {}) {
  const server = await servers.spawnObserved({ env: { SESSIONS_DB: file, ...env } });
  const post = (path: string, body: object) =>
    send(server.url, { method: 'POST', path, body: JSON.stringify(body) });
  const get = (path: string) => send(server.url, { path });
  return { ...server, post, get };
}

const said = (content: string) => ({ messages: [{ role: 'user', content }] });

function expectTemporary(answer: Answer, status: number, says: string): void {
  expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(says)]);
  expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(answer.headers).toHaveProperty('x-zep-version');
}

describe('the calls of one credential', () => {
  it('are answered 429 beyond their number a second, in the form of their generation', async () => {
    const { get, metric } = await start({ CALLS_PER_SECOND: '1' });
    const refused: Answer[] = [];
    for (let i = 0; i < 10; i++) {
      for (const path of ['/api/v1/user', '/api/v2/users-ordered']) {
        const answer = await get(path);
        if (answer.status === 429) refused.push(answer);
        else expect(answer.status).toBe(200);
      }
    }
    expect(refused.length).toBeGreaterThanOrEqual(5);
    for (const answer of refused) expectTemporary(answer, 429, '1 calls a second');
    const types = refused.map(({ headers }) => headers['content-type']);
    expect(new Set(types)).toEqual(new Set(['text/plain; charset=utf-8', 'application/json']));
    expect(await metric('mcp_sessions_refused_total{reason="calls_per_second"}')).toBe(
      refused.length,
    );
    // Nobody is kept from seeing that the server is there.
    expect((await get('/healthz')).status).toBe(200);
  });

  it('are answered 429 beyond those under way at once, until one of them is answered', async () => {
    const { get, post, metric } = await start({ CALLS_AT_ONCE: '2' });
    await post('/api/v2/sessions', { session_id: 'known' });
    const lock = lockFile(file);
    const waiting = ['a', 'b'].map((id) => post('/api/v2/sessions', { session_id: id }));
    await expect.poll(() => metric('mcp_sessions_calls_in_flight')).toBe(2);
    expectTemporary(await get('/api/v1/sessions'), 429, 'at once');
    lock.release();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(201);
    expect((await get('/api/v1/sessions')).status).toBe(200);
  });
});

describe('long answers', () => {
  /** Asks for an answer and leaves it unread. */
  async function unread(url: string, path: string): Promise<IncomingMessage> {
    const outgoing = request(url + path, { agent: false });
    const [response] = await once(outgoing.end(), 'response');
    return response;
  }

  it('that are left unread are answered 503 beyond what one credential may hold', async () => {
    const { url, get, post, metric } = await start();
    const long = 'x'.repeat(1024 * 1024 - 10);
    for (let i = 0; i < 15; i++) await post('/api/v2/sessions/s/memory', said(`${i} ${long}`));
    const path = '/api/v2/sessions/s/messages?limit=15';
    const held: IncomingMessage[] = [];
    for (let i = 0; i < 4; i++) held.push(await unread(url, path));
    expect(await metric('mcp_sessions_body_bytes')).toBeGreaterThan(60_000_000);
    expectTemporary(await get(path), 503, 'Too many long answers');
    expect(await metric('mcp_sessions_refused_total{reason="answers"}')).toBe(1);
    expect((await get('/api/v2/sessions/s')).status).toBe(200);
    for (const response of held) response.destroy();
    await expect.poll(() => metric('mcp_sessions_body_bytes')).toBe(0);
    expect(JSON.parse((await get(path)).body).messages).toHaveLength(15);
  });
});

describe('a body', () => {
  it.each(['GET /healthz', 'GET /api/openapi.json', 'GET /api/v2/users-ordered', 'PUT /api/v1/x'])(
    'that nobody reads ends the connection if it is long: %s',
    async (line) => {
      const { url } = await start();
      for (const length of ['content-length: 99999999999', 'transfer-encoding: chunked']) {
        const head = `host: localhost\r\n${length}\r\n`;
        const answer = await sendBytes(url, `${line} HTTP/1.1\r\n${head}\r\n1\r\nx\r\n`);
        expect([200, 405, 404]).toContain(statusOf(answer));
        expect(answer).toMatch(/^connection: close\r$/im);
      }
      const socket = connect(Number(new URL(url).port));
      socket.write(`${line} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}`);
      const [answer] = await once(socket.setEncoding('latin1'), 'data');
      expect(answer).not.toMatch(/^connection: close\r$/im);
      socket.destroy();
    },
  );

  it('of which very many pieces are very small is refused, before it is all there', async () => {
    const { url, metric } = await start();
    const head = 'host: localhost\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n';
    const pieces = '1\r\n \r\n'.repeat(200_000);
    const answer = await sendBytes(url, `POST /api/v1/sessions HTTP/1.1\r\n${head}${pieces}`);
    expect([statusOf(answer), answer]).toEqual([413, expect.stringContaining('Send larger ones')]);
    expect(await metric('mcp_sessions_body_bytes')).toBe(0);
  });
});

describe('connections', () => {
  it.each(['POST', 'PATCH'])(
    'that send the body of a %s slowly make room for others',
    async (method) => {
      const { url, get } = await start({ CONNECTIONS_MAX: '10' });
      await get('/api/v2/users-ordered');
      const head = `${method} /api/v2/users/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n`;
      const slow = Array.from({ length: 20 }, () => {
        const socket = connect(Number(new URL(url).port)).on('error', () => undefined);
        socket.resume().write(method === 'POST' ? head.replace('/x', '') : head);
        return socket;
      });
      await delay(200);
      for (let i = 0; i < 5; i++) expect((await get('/api/v2/users-ordered')).status).toBe(200);
      for (const socket of slow) socket.destroy();
    },
  );
});

describe('requests', () => {
  it('that come before the one before is answered are cut off, and hold nothing', async () => {
    const { url, get, metric } = await start();
    const socket = connect(Number(new URL(url).port));
    socket.on('error', () => undefined).resume();
    const one = 'GET /api/v2/users-ordered HTTP/1.1\r\nhost: localhost\r\n\r\n';
    socket.write(one.repeat(3));
    await Promise.race([once(socket, 'close'), delay(2000)]);
    socket.destroy();
    for (const held of ['body_bytes', 'calls_in_flight']) {
      await expect.poll(() => metric(`mcp_sessions_${held}`), { message: held }).toBe(0);
    }
    expect((await get('/api/v2/users-ordered')).status).toBe(200);
  });

  it('whose client goes away are carried out, and its repetition is recognised', async () => {
    const { url, get, post, metric } = await start();
    const path = '/api/v1/sessions/s/memory';
    await post(path, said('before'));
    const lock = lockFile(file);
    const gone = new AbortController();
    const body = JSON.stringify(said('mine'));
    const lost = fetch(url + path, { method: 'POST', body, signal: gone.signal });
    await expect.poll(() => metric('mcp_sessions_calls_in_flight')).toBe(1);
    gone.abort();
    await expect(lost).rejects.toThrow();
    await expect.poll(() => metric('mcp_sessions_calls_in_flight')).toBe(0);
    const again = post(path, said('mine'));
    await expect.poll(() => metric('mcp_sessions_calls_in_flight')).toBe(1);
    lock.release();
    expect((await again).status).toBe(200);
    const { messages } = JSON.parse((await get(path)).body);
    const contents = messages.map(({ content }: { content: string }) => content);
    expect(contents).toEqual(['before', 'mine']);
  });

  it('that are under way while the server stops are answered, and their connection ends', async () => {
    const { post, signal, logged, metric, exited } = await start({ DRAIN_DELAY: '1s' });
    await post('/api/v2/sessions', { session_id: 'known' });
    const lock = lockFile(file);
    const waiting = post('/api/v2/sessions/s/memory', said('x'));
    await expect.poll(() => metric('mcp_sessions_calls_in_flight')).toBe(1);
    signal('SIGTERM');
    await logged(/"stopping"/);
    lock.release();
    expect((await waiting).status).toBe(201);
    expect(await exited).toEqual({ code: 0, signal: null });
  });
});

describe('what is logged and measured', () => {
  it('names routes, and nothing that the caller chose', async () => {
    const { url, get, post, metrics, stderr } = await start({ LOG_LEVEL: 'debug' });
    await post('/api/v1/sessions/SECRET-1/memory', said('SECRET-2'));
    await get('/api/v1/sessions/SECRET-1/memory?lastn=5&x=SECRET-3');
    await get('/api/v2/users/SECRET-4');
    await get('/api/v2/SECRET-5');
    await get('/api/v1/sessions?limit=SECRET-6');
    await ask(url, 'PROPFIND /api/v2/users/SECRET-7');
    const text = await metrics();
    const counted = (method: string, outcome: string) =>
      `mcp_sessions_call_duration_seconds_count{method="${method}",tool="",outcome="${outcome}"} 1\n`;
    expect(text).toContain(counted('POST /api/v1/sessions/{session_id}/memory', 'ok'));
    expect(text).toContain(counted('GET /api/v2/users/{user_id}', 'NOT_FOUND'));
    expect(text).toContain(counted('no route', 'INVALID_ARGUMENT'));
    expect(stderr()).toContain('"method":"GET /api/v1/sessions/{session_id}/memory"');
    expect(text + stderr()).not.toContain('SECRET');
  });
});
