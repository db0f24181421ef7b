import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BAD_CALLS, type BadCall, nested, shallower } from '../support/bad-input.ts';
import { type McpClient, MODERN } from '../support/clients.ts';
import { lockFile } from '../support/file-lock.ts';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { JSON_HEADERS, message, type Sent, SseStream, send } from '../support/raw-http.ts';
import { type Frame, MODERN_META } from '../support/raw-stdio.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';

const list = (kind: string) =>
  JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
    params: { name: `list_${kind}`, arguments: { include_total: true } },
  });
const LIST = list('sessions');

const READABLE_CALLS = BAD_CALLS.map(shallower);

describe('an HTTP server', () => {
  let servers: Servers;
  let server: ServerProcess & { url: string };
  let mcp: string;

  beforeAll(async () => {
    servers = await Servers.open();
    const args = ['--allowed-hosts', 'sessions.example', ...EVERY_TOOLSET];
    server = await servers.spawnHttp({ args });
    mcp = `${server.url}/mcp`;
  });
  afterAll(() => servers?.close());
  afterEach(async () => {
    for (const kind of ['sessions', 'users']) {
      const answer = await send(mcp, { headers: JSON_HEADERS, body: list(kind) });
      const { structuredContent } = message(answer).result;
      const nothing = { [kind]: [], total_count: 0 };
      expect(structuredContent, 'still serves, and nothing was added').toEqual(nothing);
    }
  });

  const FOREIGN_HOSTS = [
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost@evil.example',
    'evil.example#localhost',
    'evil.example\\localhost',
    'sessions.example.evil.example',
  ];
  const FOREIGN_ORIGINS = [
    'http://evil.example',
    'https://localhost.evil.example',
    'http://localhost@evil.example',
    'http://10.0.0.1',
    'null',
    'file://',
    'evil',
  ];
  const PATHS = ['/mcp', '/sse', '/messages?sessionId=x', '/evil'];

  it.each(PATHS)('refuses foreign Hosts and Origins at %s, and echoes nothing', async (path) => {
    const attacks = [
      ...FOREIGN_HOSTS.map((host) => ({ host })),
      ...FOREIGN_ORIGINS.map((origin) => ({ origin })),
    ];
    for (const attack of attacks) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const headers = { ...JSON_HEADERS, ...attack };
        const body = method === 'POST' ? { body: LIST } : {};
        const answer = await send(server.url + path, { method, headers, ...body });
        expect(answer.status, JSON.stringify(attack)).toBe(403);
        expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
        expect(answer.body + JSON.stringify(answer.headers)).not.toContain('evil');
      }
    }
  });

  it.each([
    { host: 'localhost:1' },
    { host: 'LOCALHOST' },
    { host: '127.0.0.1' },
    { host: '[::1]:3939' },
    { host: 'sessions.example' },
    { host: 'localhost', origin: 'http://localhost:5173' },
    { host: 'sessions.example', origin: 'https://sessions.example' },
  ])('answers to %o', async (headers) => {
    const answer = await send(mcp, { headers: { ...JSON_HEADERS, ...headers }, body: LIST });
    expect(answer.status).toBe(200);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', ''])(
    'takes nothing of type %j',
    async (type) => {
      const answer = await send(mcp, {
        headers: { ...JSON_HEADERS, 'content-type': type },
        body: LIST,
      });
      expect(answer.status).toBe(415);
    },
  );

  it.each(['{', '', '{"jsonrpc":"2.0","id":1', 'evil', '\0'])(
    'answers 400 to a body that is no JSON: %j',
    async (body) => {
      const answer = await send(mcp, { method: 'POST', headers: JSON_HEADERS, body });
      expect(answer.status).toBe(400);
      expect(message(answer)).toMatchObject({ id: null, error: { code: -32700 } });
      expect(answer.body).not.toContain('evil');
    },
  );

  it.each(['null', '42', '[]', '{"evil":1}', '{"jsonrpc":"1.0","id":1,"method":"evil"}'])(
    'answers 400 to JSON that is no message: %j',
    async (body) => {
      const answer = await send(mcp, { headers: JSON_HEADERS, body });
      expect(answer.status).toBe(400);
      expect(message(answer)).toMatchObject({ error: { code: -32600 } });
      expect(answer.body).not.toContain('evil');
    },
  );

  const oversized = Buffer.alloc(17 * 1024 * 1024, ' ');

  it.each([
    ['announces its length', { 'content-length': String(oversized.length) }],
    ['does not', { 'transfer-encoding': 'chunked' }],
  ])('answers 413 to a body of 17 MB that %s', async (_what, length: Record<string, string>) => {
    // More than once: a server that hangs up early is now and then quick enough to be heard.
    for (let attempt = 0; attempt < 6; attempt++) {
      const headers = { ...JSON_HEADERS, ...length };
      const answer = await send(mcp, { headers, body: oversized });
      expect(answer.status).toBe(413);
      expect(message(answer).error.message).toContain('16777216');
    }
  });

  it.each(['/', '/mcp//', '/MCP', '/mcp/../sse', '/messages/x', '/favicon.ico', '//mcp'])(
    'answers 404 at %s',
    async (path) => {
      const { hostname, port } = new URL(server.url);
      const answer = await new Promise<number>((resolve, reject) => {
        // Not as a URL, which would be normalised.
        const outgoing = request({ hostname, port, path, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        outgoing.on('error', reject).end();
      });
      expect(answer).toBe(404);
    },
  );

  it.each([
    ['GET', '/mcp', 'POST'],
    ['PUT', '/mcp', 'POST'],
    ['DELETE', '/mcp', 'POST'],
    ['POST', '/sse', 'GET'],
    ['DELETE', '/sse', 'GET'],
    ['GET', '/messages', 'POST'],
    ['PUT', '/messages', 'POST'],
  ])('answers 405 to %s %s, and says that it takes %s', async (method, path, allow) => {
    const answer = await send(server.url + path, { method, headers: JSON_HEADERS });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
  });

  it.each(['/messages', '/messages?sessionId=evil', '/messages?sessionId=__proto__'])(
    'answers 404 to a message for a connection that is not there: %s',
    async (path) => {
      const answer = await send(server.url + path, { headers: JSON_HEADERS, body: LIST });
      expect(answer.status).toBe(404);
      expect(answer.body).not.toContain('evil');
    },
  );

  describe('over HTTP+SSE', () => {
    let sse: SseStream;
    beforeEach(async () => {
      sse = await SseStream.open(server.url);
    });
    afterEach(() => sse.close());

    it('refuses what it refuses over Streamable HTTP', async () => {
      const post = async (sent: Sent) =>
        (await send(sse.endpoint, { method: 'POST', ...sent })).status;
      const headers = JSON_HEADERS;
      expect(await post({ headers: { 'content-type': 'text/plain' }, body: LIST })).toBe(415);
      expect(await post({ headers, body: '{' })).toBe(400);
      for (const body of NO_MESSAGE) {
        const answer = await send(sse.endpoint, { headers, body });
        expect(answer.status, body.slice(0, 40)).toBe(400);
        expect(message(answer).error.message).toContain('no message of JSON-RPC');
      }
      expect(await post({ headers, body: oversized })).toBe(413);
    });

    it('answers INVALID_ARGUMENT to wrong arguments', async () => {
      for (const bad of READABLE_CALLS) {
        const answer = sse.next();
        const { status } = await send(sse.endpoint, { headers: JSON_HEADERS, body: bodyOf(bad) });
        expect(status, bad.what).toBe(202);
        expectInvalid(JSON.parse(await answer), bad);
      }
    });
  });

  it.each(['params', 'result'])('refuses %s of very many levels, at every way in', async (key) => {
    const sse = await SseStream.open(server.url);
    const body = `{"jsonrpc":"2.0","id":1,"method":"ping","${key}":${nested(100_000)}}`;
    for (const url of [mcp, sse.endpoint]) {
      const answer = await send(url, { headers: JSON_HEADERS, body });
      expect(answer.status).toBe(400);
      expect(message(answer).error.message).toContain('1000 levels');
    }
    sse.close();
  });

  it('answers the older era in JSON, or where progress may be told, in a stream', async () => {
    const call = { name: 'list_sessions', arguments: {} };
    const typeOf = async (params: object) => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
      const answer = await send(mcp, { headers: JSON_HEADERS, body });
      expect(message(answer).result.structuredContent).toEqual({ sessions: [] });
      return answer.headers['content-type'];
    };
    expect(await typeOf(call)).toBe('application/json');
    expect(await typeOf({ ...call, _meta: { progressToken: 1 } })).toBe('text/event-stream');
  });

  it('answers INVALID_ARGUMENT to wrong arguments, in the older era', async () => {
    const headers = { ...JSON_HEADERS, 'mcp-protocol-version': '2025-11-25' };
    for (const bad of READABLE_CALLS) {
      const answer = await send(mcp, { headers, body: bodyOf(bad) });
      expect(answer.status, bad.what).toBe(200);
      expectInvalid(message(answer), bad);
    }
  });

  it('answers INVALID_ARGUMENT to wrong arguments, in the modern era', async () => {
    const headers = {
      ...JSON_HEADERS,
      'mcp-protocol-version': MODERN,
      'mcp-method': 'tools/call',
    };
    for (const bad of READABLE_CALLS) {
      const body = bodyOf(bad, `,"_meta":${JSON.stringify(MODERN_META)}`);
      const answer = await send(mcp, { headers: { ...headers, 'mcp-name': bad.tool }, body });
      expect(answer.status, bad.what).toBe(200);
      expectInvalid(message(answer), bad);
    }
  });
});

/** JSON that is no message of JSON-RPC, or not one. */
const NO_MESSAGE = [
  ...['null', '0', '"text"', '[]', `[${LIST}]`, '{}', '{"toString":1}', '{"jsonrpc":"2.0"}'],
  `${'['.repeat(900)}${']'.repeat(900)}`,
];

function bodyOf({ tool, args }: BadCall, meta = ''): string {
  const params = `{"name":"${tool}","arguments":${args}${meta}}`;
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
}

function expectInvalid(answer: Frame, { what, says }: BadCall): void {
  expect(answer.result, what).toMatchObject({ isError: true });
  const { code, message } = answer.result.structuredContent.error;
  expect(code, what).toBe('INVALID_ARGUMENT');
  expect(message, what).toContain(says);
}

describe('an HTTP server that has to stop', () => {
  let servers: Servers;
  beforeEach(async () => {
    servers = await Servers.open();
  });
  afterEach(() => servers.close());

  it.each(['/mcp', '/sse'] as const)('answers the calls in flight first, at %s', async (path) => {
    const file = join(servers.directory, 'sessions.db');
    const server = await servers.spawnHttp({ env: { SESSIONS_DB: file } });
    const url = new URL(path, server.url);
    const connect = (): Promise<McpClient> =>
      servers.connect(
        path === '/mcp' ? 'v2' : 'v1',
        path === '/mcp' ? { http: url } : { sse: url },
      );
    const client = await connect();
    await client.callTool('add_session', { session_id: 'known' });

    const lock = lockFile(file);
    const answers = ['a', 'b'].map((name) => client.callTool('add_session', { session_id: name }));
    // Sent later, so those before it have arrived when this is answered.
    await client.callTool('get_session', { session_id: 'known' });
    server.signal('SIGTERM');
    await server.logged(/"stopping"/);
    lock.release();

    for (const answer of await Promise.all(answers)) expect(answer.isError).toBe(false);
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it('does not wait for streams that nobody is asking anything on', async () => {
    const server = await servers.spawnHttp();
    await fetch(`${server.url}/sse`);
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('an HTTP server that cannot start', () => {
  let servers: Servers;
  beforeEach(async () => {
    servers = await Servers.open();
  });
  afterEach(() => servers.close());

  it.each(['0.0.0.0', '::', '192.168.1.1', 'sessions.example', '127.0.0.1.example'])(
    'refuses to be reached by others, on %s, in one line',
    async (host) => {
      const server = servers.spawn({ args: ['--http', '--port=0', '--host', host] });
      expect(await server.exited).toEqual({ code: 2, signal: null });
      expect(server.stderr()).toMatch(/^mcp-sessions: --host .*--insecure.*\n$/);
      expect(server.stderr()).toContain(JSON.stringify(host));
      expect(server.stdout()).toBe('');
    },
  );

  it('says in one line that the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const server = servers.spawn({ args: ['--http', `--port=${port}`] });
    expect(await server.exited).toEqual({ code: 1, signal: null });
    expect(server.stderr()).toMatch(/^mcp-sessions: .*port.*--port.*\n$/i);
    other.close();
  });
});
