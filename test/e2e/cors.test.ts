import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../support/issuer.ts';
import { type Answer, JSON_HEADERS, send } from '../support/raw-http.ts';
import { type ServerOptions, Servers } from '../support/server-process.ts';

const PAGE = 'https://app.example';
const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
const REST_PATHS = ['/healthz', '/api/openapi.json', '/api/v1/sessions/x', '/api/v2/sessions'];
const PATHS = ['/mcp', '/mcp/', '/sse', '/messages?sessionId=x', ...REST_PATHS];

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

function start(origins: string, options: ServerOptions = {}) {
  return servers.spawnHttp({ ...options, env: { ALLOWED_ORIGINS: origins, ...options.env } });
}

const preflight = (url: string, origin: string, more: Record<string, string> = {}) =>
  send(url, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', ...more },
  });

const call = (url: string, headers: Record<string, string> = {}) =>
  send(`${url}/mcp`, { headers: { ...JSON_HEADERS, ...headers }, body: LIST });

/** The names in a header that lists some, in lower case. */
const listed = (answer: Answer, header: string) =>
  String(answer.headers[header]).toLowerCase().split(', ');

function expectNoAccess({ headers }: Answer): void {
  const names = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
  expect(names).toEqual([]);
}

function expectAccess({ headers }: Answer, origin = PAGE): void {
  expect(headers['access-control-allow-origin']).toBe(origin);
  expect(headers.vary).toBe('Origin');
  expect(headers).not.toHaveProperty('access-control-allow-credentials');
}

describe('the pages of an allowed origin', () => {
  it('are told beforehand what they may send, without a credential', async () => {
    const issuer = await Issuer.open();
    const env = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
    const { url } = await start(`http://localhost:1, ${PAGE}`, { env });
    issuer.close();
    for (const path of [...PATHS, '/.well-known/oauth-protected-resource/mcp']) {
      const answer = await preflight(url + path, PAGE);
      expect(answer.status, path).toBe(204);
      expectAccess(answer);
      expect(listed(answer, 'access-control-allow-methods')).toEqual([
        'get',
        'head',
        'post',
        'patch',
        'delete',
      ]);
      expect(listed(answer, 'access-control-allow-headers')).toEqual(
        expect.arrayContaining([
          ...['authorization', 'content-type', 'accept', 'last-event-id'],
          ...['mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name'],
        ]),
      );
    }
  });

  it('may read answers and errors alike', async () => {
    const issuer = await Issuer.open();
    const env = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
    const closed = await start(PAGE, { env });
    issuer.close();
    const open = await start(PAGE, { env: { CALLS_PER_SECOND: '1' } });
    const found: Record<number, Answer> = {};
    const note = (answer: Answer) => {
      expectAccess(answer);
      found[answer.status] = answer;
    };
    note(await call(closed.url, { origin: PAGE }));
    note(await send(`${closed.url}/nowhere`, { headers: { origin: PAGE } }));
    const metadata = `${closed.url}/.well-known/oauth-protected-resource/mcp`;
    note(await send(metadata, { headers: { origin: PAGE } }));
    for (const path of REST_PATHS) {
      note(await send(closed.url + path, { headers: { origin: PAGE } }));
      note(await send(open.url + path, { headers: { origin: PAGE } }));
    }
    for (let i = 0; i < 15; i++) note(await call(open.url, { origin: PAGE }));
    note(await send(`${open.url}/mcp`, { headers: { ...JSON_HEADERS, origin: PAGE }, body: '{' }));
    expect(Object.keys(found)).toEqual(expect.arrayContaining(['200', '401', '404', '429']));
    for (const answer of Object.values(found)) {
      expect(listed(answer, 'access-control-expose-headers')).toEqual(
        expect.arrayContaining([
          ...['mcp-session-id', 'mcp-protocol-version', 'www-authenticate', 'retry-after'],
          ...['x-request-id', 'x-zep-version'],
        ]),
      );
    }
    expect(found[401]?.headers).toHaveProperty('www-authenticate');
    expect(found[429]?.headers).toHaveProperty('retry-after');
  });

  it('may read event streams', async () => {
    const { url } = await start(PAGE);
    const abort = new AbortController();
    const init = { signal: abort.signal, headers: { origin: PAGE } };
    const { headers } = await fetch(`${url}/sse`, init);
    expect(headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(headers.get('content-type')).toBe('text/event-stream');
    abort.abort();
  });

  it('are known by scheme, host and port, as a browser writes them', async () => {
    const given = 'HTTPS://App.Example:443/,http://app.example:8080,chrome-extension://abc';
    const { url } = await start(given);
    for (const origin of [PAGE, 'http://app.example:8080', 'chrome-extension://abc']) {
      expectAccess(await call(url, { origin }), origin);
    }
    for (const origin of [
      ...['http://app.example', 'https://app.example:8443', 'http://app.example:80801'],
      ...['https://app.example.evil', 'https://evil.app.example', 'https://app.exampl'],
      ...[
        'https://app.example, https://app.example',
        `${PAGE}/`,
        'null',
        '',
        '*',
        'chrome-extension://abcd',
      ],
    ]) {
      const answers = [await call(url, { origin }), await preflight(`${url}/mcp`, origin)];
      for (const answer of answers) {
        expectNoAccess(answer);
        expect(answer.headers.vary).toBe('Origin');
        if (origin !== '') expect(answer.status, origin).toBe(403);
      }
    }
  });

  it('reach no server by a name that is not its own', async () => {
    const { url } = await start(PAGE);
    expect((await call(url, { origin: PAGE, host: 'app.example' })).status).toBe(403);
    const asked = await preflight(`${url}/mcp`, PAGE, { host: 'evil.example' });
    expect(asked.status).toBe(403);
  });
});

describe('other callers', () => {
  it('are served as before: programs, and pages of this machine, which cannot read the answer', async () => {
    const { url } = await start(PAGE);
    for (const headers of [{}, { origin: 'http://localhost:5173' }]) {
      const answer = await call(url, headers);
      expect(answer.status).toBe(200);
      expectNoAccess(answer);
      expect(answer.headers.vary).toBe('Origin');
    }
    expect((await preflight(`${url}/mcp`, 'http://localhost:5173')).status).toBe(405);
    // Not a preflight: it does not say what is to follow.
    const options = await send(`${url}/mcp`, { method: 'OPTIONS', headers: { origin: PAGE } });
    expect(options.status).toBe(405);
    expect((await preflight(`${url}/nowhere`, PAGE)).status).toBe(404);
  });

  it('get no such header where no origin is allowed', async () => {
    const { url } = await servers.spawnHttp();
    const answer = await call(url, { origin: 'http://localhost:5173' });
    expect(answer.status).toBe(200);
    expectNoAccess(answer);
    expect(answer.headers).not.toHaveProperty('vary');
  });
});

describe('the origin *', () => {
  it('allows every page, without credentials, and still not every Host', async () => {
    const { url } = await start('*');
    for (const origin of [PAGE, 'null', 'file://', 'https://anything.example:1']) {
      for (const answer of [await call(url, { origin }), await preflight(`${url}/mcp`, origin)]) {
        expect(answer.headers['access-control-allow-origin']).toBe('*');
        expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
        expect([200, 204]).toContain(answer.status);
      }
    }
    expect((await call(url, { origin: PAGE, host: 'evil.example' })).status).toBe(403);
  });
});
