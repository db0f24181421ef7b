import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MODERN } from '../support/clients.ts';
import { lockFile } from '../support/file-lock.ts';
import { KeptConnection } from '../support/kept-connection.ts';
import {
  type Answer,
  callBody,
  JSON_HEADERS,
  message,
  post,
  SseStream,
  send,
} from '../support/raw-http.ts';
import { MODERN_META } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';
import { grant } from '../support/tokens.ts';

let servers: Servers;
let file: string;
beforeEach(async () => {
  servers = await Servers.open();
  file = join(servers.directory, 'sessions.db');
});
afterEach(() => servers.close());

/** A server on `file`, whose operations port is asked what it counted. */
const start = (env: Record<string, string> = {}) =>
  servers.spawnObserved({ env: { SESSIONS_DB: file, ...env } });

function expectRefusal(answer: Answer, status: number, ...words: string[]): void {
  expect(answer.status).toBe(status);
  const { error } = message(answer);
  expect(error.code).toBe(-32000);
  for (const word of words) expect(error.message).toContain(word);
  if (status !== 413) expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
}

describe('the calls of one credential', () => {
  it('are answered 429 beyond their number a second, and again after Retry-After', async () => {
    const server = await start({ CALLS_PER_SECOND: '1' });
    const answers: Answer[] = [];
    for (let i = 0; i < 20; i++) answers.push(await post(server.url, 'list_sessions'));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(5);
    const [first] = refused as [Answer];
    expectRefusal(first, 429, '1 calls a second', 'Repeat');
    expect(await server.metric('mcp_sessions_refused_total{reason="calls_per_second"}')).toBe(
      refused.length,
    );
    await delay(Number(refused.at(-1)?.headers['retry-after']) * 1000);
    expect((await post(server.url, 'list_sessions')).status).toBe(200);
  });

  it('that are refused keep their connection, however long their body is', async () => {
    const { url } = await start({ CALLS_PER_SECOND: '1' });
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const body = `{"jsonrpc":"2.0","id":1,"method":"ping"}${' '.repeat(1_000_000)}`;
    const head = Object.entries({
      ...JSON_HEADERS,
      host: 'localhost',
      'content-length': body.length,
    });
    const text = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    let received = '';
    socket.setEncoding('utf8').on('data', (part) => {
      received += part;
    });
    const statuses = () => received.match(/(?<=^HTTP\/1\.1 )\d+/gm) ?? [];
    for (let sent = 1; sent <= 15; sent++) {
      socket.write(`POST /mcp HTTP/1.1\r\n${text}\r\n${body}`);
      await expect.poll(() => statuses().length, { interval: 5 }).toBe(sent);
    }
    expect(new Set(statuses())).toEqual(new Set(['200', '429']));
    expect(statuses().filter((status) => status === '429').length).toBeGreaterThan(1);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  it('are answered 429 beyond those under way at once, until one of them is answered', async () => {
    const server = await start({ CALLS_AT_ONCE: '2' });
    await post(server.url, 'add_session', { session_id: 'known' });
    const lock = lockFile(file);
    const waiting = ['a', 'b'].map((id) => post(server.url, 'add_session', { session_id: id }));
    await expect.poll(() => server.metric('mcp_sessions_calls_in_flight')).toBe(2);
    expectRefusal(await post(server.url, 'list_sessions'), 429, 'at once');
    lock.release();
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
    expect((await post(server.url, 'list_sessions')).status).toBe(200);
  });

  it('count until they are answered over HTTP+SSE, too', async () => {
    const server = await start({ CALLS_AT_ONCE: '2' });
    await post(server.url, 'add_session', { session_id: 'known' });
    const sse = await SseStream.open(server.url);
    const call = (id: number) => {
      const params = { name: 'add_session', arguments: { session_id: `s${id}` } };
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
      return send(sse.endpoint, { headers: JSON_HEADERS, body });
    };
    const lock = lockFile(file);
    expect((await call(1)).status).toBe(202);
    expect((await call(2)).status).toBe(202);
    expectRefusal(await call(3), 429, 'at once');
    lock.release();
    await sse.next();
    await sse.next();
    expect((await call(4)).status).toBe(202);
    sse.close();
  });

  it('are counted one by one where they come in a batch', async () => {
    const { url } = await start({ CALLS_AT_ONCE: '2' });
    const batch = (size: number) =>
      send(`${url}/mcp`, {
        headers: JSON_HEADERS,
        body: `[${Array.from({ length: size }, (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`).join()}]`,
      });
    expect((await batch(2)).status).toBe(200);
    expectRefusal(await batch(3), 413, '3 messages', 'at most 2');
  });

  it('are answered UNAVAILABLE when they take too long, and say what to do about a change', async () => {
    const { url } = await start({ CALL_TIMEOUT: '1s' });
    await post(url, 'add_session', { session_id: 'known' });
    const lock = lockFile(file);
    const { error } = message(await post(url, 'add_session', { session_id: 'late' })).result
      .structuredContent;
    lock.release();
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
    expect(error.message).toContain('within 1 s');
    expect(error.message).toMatch(/may have happened.*repeat/);
  });
});

describe('a body', () => {
  it('of more than MESSAGE_MAX is answered 413', async () => {
    const { url } = await start({ MESSAGE_MAX: '2MiB' });
    const body = Buffer.alloc(2 * 1024 ** 2 + 1, ' ');
    expectRefusal(await send(`${url}/mcp`, { headers: JSON_HEADERS, body }), 413, '2097152');
  });

  it('is answered 503 while its credential has others on the way that are too much', async () => {
    const server = await start({ MESSAGE_MAX: '2MiB', BODIES_MAX: '8MiB' });
    const { url } = server;
    const most = callBody('get_session', { session_id: 'x', padding: 'x'.repeat(1_900_000) });
    const half = request(`${url}/mcp`, {
      method: 'POST',
      headers: { ...JSON_HEADERS, 'content-length': most.length },
    });
    half.on('error', () => undefined);
    half.write(most.slice(0, -1));
    const whole = () => send(`${url}/mcp`, { headers: JSON_HEADERS, body: most });
    await expect.poll(() => server.metric('mcp_sessions_body_bytes')).toBeGreaterThan(1_900_000);
    expectRefusal(await whole(), 503, 'Repeat');
    expect((await post(url, 'list_sessions')).status).toBe(200);
    half.destroy();
    await expect.poll(() => server.metric('mcp_sessions_body_bytes')).toBe(0);
    expect((await whole()).status).toBe(200);
  });
});

describe('a body in pieces', () => {
  const head = Object.entries({
    ...JSON_HEADERS,
    host: 'localhost',
    'transfer-encoding': 'chunked',
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const inPieces = (text: string, size: number) =>
    `${(text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []).map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;

  async function answerTo(url: string, body: string): Promise<string> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(`POST /mcp HTTP/1.1\r\nconnection: close\r\n${head}\r\n${body}`);
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    await once(socket, 'close');
    return text;
  }

  it('is read, be they of one byte, or many', async () => {
    const { url } = await start();
    for (const body of [
      inPieces(ping, 1),
      inPieces(ping.padEnd(20_000), 20),
      inPieces(ping.padEnd(2_000_000), 100),
    ]) {
      expect(await answerTo(url, body)).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  it('of which very many are very small is refused, before it is all there', async () => {
    const server = await start();
    const answer = await answerTo(server.url, inPieces(ping.padEnd(200_000), 1));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('Send larger ones');
    expect(await server.metric('mcp_sessions_body_bytes')).toBe(0);
  });
});

describe('event streams', () => {
  const listen = (url: string, resources: readonly string[], signal?: AbortSignal) => {
    const notifications = { resourceSubscriptions: resources };
    const params = { notifications, _meta: MODERN_META };
    return fetch(`${url}/mcp`, {
      method: 'POST',
      headers: {
        ...JSON_HEADERS,
        'mcp-protocol-version': MODERN,
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params }),
      ...(signal && { signal }),
    });
  };

  it('are limited by credential, those of either protocol era alike', async () => {
    const server = await start({ STREAMS_PER_CREDENTIAL: '2' });
    const first = await SseStream.open(server.url);
    const listening = new AbortController();
    const resources = ['session://x'];
    expect((await listen(server.url, resources, listening.signal)).status).toBe(200);
    expect(await server.metric('mcp_sessions_open_streams')).toBe(2);
    expectRefusal(await send(`${server.url}/sse`), 429, 'At most 2 streams');
    expect((await listen(server.url, resources)).status).toBe(429);

    listening.abort();
    await expect.poll(() => server.metric('mcp_sessions_open_streams')).toBe(1);
    const second = await SseStream.open(server.url);
    for (const stream of [first, second]) stream.close();
    await expect.poll(() => server.metric('mcp_sessions_open_streams')).toBe(0);
  });

  it('hold nothing of the body that asked for them, which is short', async () => {
    const server = await start();
    const listening = new AbortController();
    const resources = Array.from({ length: 10_000 }, (_, i) => `session://${i}`);
    expect((await listen(server.url, resources, listening.signal)).status).toBe(200);
    expect(await server.metric('mcp_sessions_open_streams')).toBe(1);
    expect(await server.metric('mcp_sessions_body_bytes')).toBe(0);
    const refused = await listen(server.url, [...resources, ...resources]);
    expect(refused.status).toBe(413);
    expect(await refused.text()).toContain('at most 262144');
    listening.abort();
  });

  it('are limited in all', async () => {
    const { url } = await start({ STREAMS_MAX: '1' });
    const stream = await SseStream.open(url);
    expectRefusal(await send(`${url}/sse`), 503, 'Try again');
    stream.close();
  });
});

describe('connections', () => {
  it('that say nothing make room for those that call', async () => {
    const server = await start({ CONNECTIONS_MAX: '10' });
    const { hostname, port } = new URL(server.url);
    const stream = await SseStream.open(server.url);
    const silent: Socket[] = [];
    for (let i = 0; i < 40; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      silent.push(socket);
      if (i % 10 === 0) expect((await post(server.url, 'list_sessions')).status).toBe(200);
    }
    expect((await post(server.url, 'list_sessions')).status).toBe(200);
    expect(await server.metric('mcp_sessions_open_connections')).toBeLessThanOrEqual(10);
    expect(await server.metric('mcp_sessions_open_streams'), 'streams are of use').toBe(1);
    stream.close();
    for (const socket of silent) socket.destroy();
  });

  describe('of somebody who has signed in', () => {
    let caller: KeptConnection;
    let server: Awaited<ReturnType<typeof start>>;
    let call: string;
    const others: KeptConnection[] = [];
    beforeEach(async () => {
      const tokens = join(servers.directory, 'tokens.json');
      const token = await grant(tokens, 'acme');
      server = await start({
        AUTH_TOKENS_FILE: tokens,
        AUTH_JWT_ISSUER: 'https://issuer.example',
        AUTH_JWT_AUDIENCE: 'https://server.example/mcp',
        CONNECTIONS_MAX: '10',
        CALLS_PER_SECOND: '1',
      });
      const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
      const headers = { ...JSON_HEADERS, 'content-length': body.length };
      const fields = Object.entries({ ...headers, host: 'localhost' });
      const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      call = `POST /mcp HTTP/1.1\r\nauthorization: Bearer ${token}\r\n${head}\r\n${body}`;
      caller = await KeptConnection.open(server.url);
      expect(await caller.send(call)).toBe(200);
    });
    afterEach(() => {
      for (const connection of [caller, ...others.splice(0)]) connection.close();
    });

    /** Thirty others who read what anybody may, and stay. */
    async function crowd(): Promise<void> {
      const path = '/.well-known/oauth-protected-resource/mcp';
      for (let i = 0; i < 30; i++) {
        const other = await KeptConnection.open(server.url);
        others.push(other);
        expect(await other.send(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)).toBe(200);
      }
    }

    it('are kept while others read what anybody may', async () => {
      await crowd();
      expect(await caller.send(call)).toBe(200);
    });

    it('are kept after an answer of 429', async () => {
      let status = 200;
      for (let i = 0; i < 20 && status === 200; i++) status = await caller.send(call);
      expect(status).toBe(429);
      await crowd();
      expect([200, 429]).toContain(await caller.send(call));
    });
  });

  it('that send a request before the one before is answered are closed, and hold nothing', async () => {
    const server = await start();
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined).resume();
    const body = callBody('list_sessions');
    const call = { ...JSON_HEADERS, host: 'localhost', 'content-length': body.length };
    const head = Object.entries(call).map(([name, value]) => `${name}: ${value}\r\n`);
    const open = 'GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n';
    socket.write(`${open}${open}POST /mcp HTTP/1.1\r\n${head.join('')}\r\n${body}`);
    await Promise.race([once(socket, 'close'), delay(2000)]);
    socket.destroy();
    for (const held of ['open_connections', 'open_streams', 'body_bytes', 'calls_in_flight']) {
      await expect.poll(() => server.metric(`mcp_sessions_${held}`), { message: held }).toBe(0);
    }
    expect(await server.metric('mcp_sessions_refused_total{reason="pipelined"}')).toBe(2);
  });
});
