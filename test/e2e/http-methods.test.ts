import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../support/issuer.ts';
import { ask, sendBytes, statusOf } from '../support/raw-bytes.ts';
import { type ObservedServer, Servers } from '../support/server-process.ts';

const METADATA = '/.well-known/oauth-protected-resource/mcp';

let servers: Servers;
let open: ObservedServer;
let closed: ObservedServer;
beforeAll(async () => {
  servers = await Servers.open();
  const issuer = await Issuer.open();
  open = await servers.spawnObserved();
  const env = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
  closed = await servers.spawnObserved({ env });
  issuer.close();
});
afterAll(() => servers?.close());

function expectRefused(answer: string, status: number, allow?: string): void {
  expect(statusOf(answer), answer).toBe(status);
  if (allow !== undefined) expect(answer).toMatch(new RegExp(`^allow: ${allow}\r$`, 'im'));
  expect(answer).not.toMatch(/ {4}at |node_modules|The server failed/);
}

describe('a method that is not for that place', () => {
  const ODD = ['TRACE', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'SEARCH', 'QUERY'];

  it.each([
    ['/mcp', 'POST', ['GET', 'HEAD', ...ODD]],
    ['/sse', 'GET', ['HEAD', 'POST', ...ODD]],
    ['/messages?sessionId=x', 'POST', ['GET', 'HEAD', ...ODD]],
  ])('is refused with 405 at %s, which takes %s', async (path, allow, methods) => {
    for (const method of methods) {
      const answer = await ask(open.url, `${method} ${path}`);
      // What Node does not know, it does not read.
      if (statusOf(answer) !== 400) expectRefused(answer, 405, allow);
    }
  });

  it('is refused with 405 where it says how to sign in', async () => {
    for (const method of ['POST', ...ODD]) {
      const answer = await ask(closed.url, `${method} ${METADATA}`);
      if (statusOf(answer) !== 400) expectRefused(answer, 405, 'GET, HEAD');
    }
    expect(statusOf(await ask(closed.url, `GET ${METADATA}`))).toBe(200);
    const head = await ask(closed.url, `HEAD ${METADATA}`);
    expect(statusOf(head)).toBe(200);
    expect(head).toMatch(/\r\n\r\n$/);
  });

  it('is refused with 405 on the operations port', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics', '/']) {
      for (const method of ['POST', ...ODD]) {
        const answer = await ask(open.opsUrl, `${method} ${path}`);
        if (statusOf(answer) !== 400) expectRefused(answer, 405, 'GET, HEAD');
      }
    }
  });

  it('is CONNECT: it is answered, and not by hanging up', async () => {
    for (const [url, allow] of [
      [open.url, 'GET, POST'],
      [closed.url, 'GET, POST'],
      [open.opsUrl, 'GET, HEAD'],
    ] as const) {
      expectRefused(await ask(url, 'CONNECT localhost:80'), 405, allow);
    }
  });

  it.each(['BREW /mcp', 'GET', '\x01\x02', 'get /mcp'])('is none at all: %j', async (line) => {
    expect(statusOf(await ask(open.url, line))).toBe(400);
  });

  it('gets who has not signed in a challenge first', async () => {
    for (const method of ['TRACE', 'GET', 'PUT']) {
      expect(statusOf(await ask(closed.url, `${method} /mcp`))).toBe(401);
    }
  });
});

describe('what is asked for', () => {
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const post = (target: string, host = 'localhost', more = '') =>
    sendBytes(
      open.url,
      `POST ${target} HTTP/1.1\r\nhost: ${host}\r\n${more}content-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );

  it('may be named by a whole URL, whose host counts', async () => {
    expect(statusOf(await post('http://localhost/mcp'))).toBe(200);
    expect(statusOf(await post('HTTP://localhost:1234/mcp?x=1', 'evil.example'))).toBe(200);
    expectRefused(await post('http://evil.example/mcp'), 403);
    expectRefused(await post('http://localhost@evil.example/mcp'), 403);
  });

  it.each([
    '/',
    '//',
    '//mcp',
    '/./mcp/',
    '/%6dcp',
    '/mcp%00',
    '/mcp;x',
    '*',
    'http://localhost',
    'http://localhost//mcp',
  ])('is nothing, or malformed, and is refused in clean words: %s', async (target) => {
    const answer = await post(target);
    expect([400, 404], answer).toContain(statusOf(answer));
    expectRefused(answer, statusOf(answer));
  });

  it.each([
    'http://[',
    'http://[/mcp',
    'http://',
    'http:///',
    'http:mcp',
    'http://localhost:99999/mcp',
  ])('is a malformed URL, and is refused: %s', async (target) => {
    expect([400, 403]).toContain(statusOf(await post(target)));
  });

  it('has one Host', async () => {
    expectRefused(await post('/mcp', 'localhost', 'Host: evil.example\r\n'), 400);
    expectRefused(await post('/mcp', 'localhost', 'HOST: localhost\r\n'), 400);
  });

  it.each(['127.1', '0x7f.1', '127.0.0.1.', '[::ffff:127.0.0.1]', 'localhost:', 'LOCALHOST:080'])(
    'is at an odd Host, and is answered or refused in clean words: %s',
    async (host) => {
      const answer = await post('/mcp', host);
      expect([200, 400, 403], answer).toContain(statusOf(answer));
      expectRefused(answer, statusOf(answer));
    },
  );

  it.each([
    'expect: a miracle\r\n',
    'connection: upgrade\r\nupgrade: websocket\r\n',
    'content-encoding: gzip\r\n',
    '__proto__: x\r\nconstructor: y\r\nmcp-method: __proto__\r\n',
    'mcp-protocol-version: \xff\xfe\r\n',
    'mcp-session-id: __proto__\r\n',
    `x: ${'y'.repeat(10_000)}\r\n`,
    'last-event-id: \x80\r\n',
    'transfer-encoding: chunked\r\n',
    'authorization: Bearer \xe9\r\n',
  ])(
    'comes with an absurd header, and is answered or refused in clean words: %j',
    async (header) => {
      const answer = await post('/mcp', 'localhost', header);
      expect([200, 400, 404, 417], answer).toContain(statusOf(answer));
      expectRefused(answer, statusOf(answer));
    },
  );
});

// Last: it looks at what all of the above left behind.
describe('the log', () => {
  it('has no line of a fault of ours, and none with a stack', () => {
    for (const { stderr } of [open, closed]) {
      expect(stderr()).not.toMatch(/"level":"error"|"stack"/);
    }
  });
});
