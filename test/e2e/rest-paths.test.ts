import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, sendBytes, statusOf } from '../support/raw-bytes.ts';
import { type Answer, send } from '../support/raw-http.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';
import { grant } from '../support/tokens.ts';

const PUBLIC = ['/healthz', '/api/openapi.json'];

let servers: Servers;
/** Without sign-in. */
let open: ServerProcess & { url: string };
/** With tokens. */
let closed: ServerProcess & { url: string };
let token: string;
beforeAll(async () => {
  servers = await Servers.open();
  const file = join(servers.directory, 'tokens.json');
  token = await grant(file, 'acme');
  open = await servers.spawnHttp();
  closed = await servers.spawnHttp({ env: { AUTH_TOKENS_FILE: file } });
});
afterAll(() => servers?.close());

const get = (path: string): Promise<Answer> => send(open.url, { method: 'GET', path });

/** What is in every answer, be it a refusal. */
function expectVersion(answer: string | Answer): void {
  const headers = typeof answer === 'string' ? answer : JSON.stringify(answer.headers);
  expect(headers).toMatch(/x-zep-version"?: ?"?\d+\.\d+\.\d+-/i);
}

describe('a path', () => {
  it.each([
    ...[
      '/api',
      '/api%2fv1/sessions',
      '/%61pi/v1/sessions',
      '//api/v1/sessions',
      '/API/v1/sessions',
    ],
    ...['/healthz%20', '/healthz/x', '/api/v1', '/api/v1/', '/api/V1/sessions', '/api/v3/sessions'],
    ...[
      '/api/v1/../v2/sessions-ordered',
      '/api/v1/%2e%2e/v2/sessions-ordered',
      '/api/./v1/sessions',
    ],
    ...['/api/v1/sessions;x', '/api/v1/sessions/', '/api/v2/sessions/', '/api/v1/sessions%00'],
    ...['/api/v1/user/', '/api/openapi.json/', '/api/v2/users', '/api/v1/sessions#x'],
  ])('that leads nowhere is answered 404 or 405, in words: %s', async (path) => {
    const answer = await get(path);
    expect([404, 405]).toContain(answer.status);
    expect(answer.body).toMatch(/There is|Use POST here/);
  });

  it.each([
    ['..', '/api/v1/sessions/..'],
    ['..', '/api/v1/sessions/%2e%2e'],
    ['../..', '/api/v1/sessions/..%2f..'],
    ['../sessions', '/api/v1/sessions/../sessions'],
    ['/', '/api/v1/sessions//'],
    ['/memory', '/api/v1/sessions//memory'],
    ['x/', '/api/v1/sessions/x/'],
    ['x/memory/', '/api/v1/sessions/x/memory/'],
    ['%', '/api/v1/sessions/%'],
    ['%zz', '/api/v1/sessions/%zz'],
    ['%ff', '/api/v1/sessions/%ff'],
    ['%C3%28', '/api/v1/sessions/%C3%28'],
    ['a b+c', '/api/v1/sessions/a%20b+c'],
    ['🦊', '/api/v1/sessions/%F0%9F%A6%8A'],
    ['__proto__', '/api/v1/sessions/__proto__'],
    ['constructor', '/api/v1/sessions/constructor'],
    ['toString', '/api/v1/sessions/toString'],
    ['x#y', '/api/v1/sessions/x#y'],
    ['[object Object]', '/api/v1/sessions/[object%20Object]'],
  ])('with an odd identifier is about the session %j: %s', async (id, path) => {
    const answer = await get(path);
    expect([answer.status, answer.body]).toEqual([
      404,
      `There is no session ${JSON.stringify(id)}. Add it, or add memory to it, first.`,
    ]);
  });

  it.each([
    ['NUL', '/api/v1/sessions/%00', 'NUL'],
    ['NUL', '/api/v2/users/a%00b/sessions', 'NUL'],
    ['a line break', '/api/v1/sessions/a%0d%0ax-evil:%201', 'cannot be seen'],
    ['white space at its end', '/api/v1/sessions/x%20', 'white space'],
    ['an invisible character', '/api/v2/sessions/x%E2%80%8B', 'cannot be seen'],
    ['15,000 bytes', `/api/v2/sessions/${'a'.repeat(15_000)}`, 'at most 1024'],
    ['many ends of a path', `/api/v1/sessions/${'/messages/'.repeat(1400)}`, 'at most 1024'],
    ['no message', '/api/v1/sessions/x/messages/y', 'UUID'],
    ['a slash for a message', '/api/v1/sessions/x/messages/%2f', 'UUID'],
  ])('whose identifier has %s is refused with 400: %s', async (_, path, says) => {
    const answer = await get(path);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(says);
    expect(answer.headers).not.toHaveProperty('x-evil');
  });

  it('of 64 KiB is refused before anybody looks at it, and the client hears of it each time', async () => {
    const path = `/api/v1/sessions/${'a'.repeat(65_536)}`;
    for (let i = 0; i < 50; i++) {
      expect(statusOf(await ask(open.url, `GET ${path}`))).toBe(431);
    }
    expect((await get('/healthz')).body).toBe('.');
  });

  it('is the longest route that fits, though an identifier may look like one', async () => {
    const post = (path: string) => send(open.url, { method: 'POST', path, body: MESSAGE });
    const MESSAGE = '{"messages":[{"role":"user","content":"x"}]}';
    for (const id of ['s/memory', 's/messages/x', 's/search']) {
      expect((await post(`/api/v1/sessions/${id}/memory`)).status).toBe(200);
      const { body } = await get(`/api/v1/sessions/${id}/memory`);
      expect(JSON.parse(body).messages, id).toHaveLength(1);
    }
    const { body } = await get('/api/v1/sessions');
    const ids = JSON.parse(body).map(({ session_id }: { session_id: string }) => session_id);
    expect(ids).toEqual(['s/memory', 's/messages/x', 's/search']);
  });

  it('may come as an absolute URL, whose Host counts', async () => {
    const found = await ask(open.url, 'GET http://localhost/api/v1/sessions/nothing');
    expect([statusOf(found), found]).toEqual([404, expect.stringContaining('"nothing"')]);
    expectVersion(found);
    const refused = await ask(open.url, 'GET http://evil.example/api/v1/sessions');
    expect([statusOf(refused), refused]).toEqual([403, expect.not.stringContaining('evil')]);
    expectVersion(refused);
    for (const target of ['http://[/api/v1', 'http://', 'http:/api/v1/sessions']) {
      expect([400, 403]).toContain(statusOf(await ask(open.url, `GET ${target}`)));
    }
  });
});

describe('a query', () => {
  it.each([
    ...['', 'limit', 'limit=', 'cursor=', '%', '%ff', 'limit[]=1', '__proto__=1', 'constructor=1'],
    ...['=', '&&', 'a=b=c', 'LIMIT=0', 'x=%00', `x=${'y'.repeat(10_000)}`],
  ])('that asks for nothing is no obstacle: %j', async (query) => {
    expect((await get(`/api/v1/user?${query}`)).body).toBe('[]');
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1e3', 'limit'],
    ['limit=0x10', 'limit'],
    ['limit=NaN', 'limit'],
    ['limit=1&limit=x', 'limit'],
    ['limit=1%00', 'limit'],
    ['cursor=-1', 'cursor'],
    ['cursor=100001', '100000'],
    ['cursor=99999999999999999999', '100000'],
  ])('that is wrong is refused with 400: %s', async (query, says) => {
    const answer = await get(`/api/v1/user?${query}`);
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(says)]);
  });
});

describe('a method that is not for that place', () => {
  const ODD = ['HEAD', 'OPTIONS', 'TRACE', 'PUT', 'PROPFIND', 'QUERY'];

  it.each([
    ['/api/v1/sessions', 'POST, GET', [...ODD, 'PATCH', 'DELETE']],
    ['/api/v2/sessions/x', 'GET, PATCH', [...ODD, 'POST', 'DELETE']],
    ['/api/v2/sessions/x/memory', 'POST, GET, DELETE, PATCH', ODD],
    ['/api/v2/users/x', 'GET, PATCH, DELETE', [...ODD, 'POST']],
  ])('is refused with 405 at %s, which takes %s', async (path, allow, methods) => {
    for (const method of methods) {
      const answer = await ask(open.url, `${method} ${path}`);
      // What Node does not know, it does not read.
      if (statusOf(answer) === 400) continue;
      expect([method, statusOf(answer)]).toEqual([method, 405]);
      expect(answer).toMatch(new RegExp(`^allow: ${allow}\r$`, 'm'));
      expectVersion(answer);
    }
  });

  it('is refused with 405 where everybody may read, and HEAD is not', async () => {
    for (const path of PUBLIC) {
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
        const answer = await ask(closed.url, `${method} ${path}`);
        expect([statusOf(answer), answer]).toEqual([
          405,
          expect.stringMatching(/allow: GET, HEAD/),
        ]);
        expectVersion(answer);
      }
      const head = await ask(closed.url, `HEAD ${path}`);
      expect([statusOf(head), head]).toEqual([200, expect.stringMatching(/\r\n\r\n$/)]);
    }
  });

  it('gets who has not signed in a challenge first, wherever it goes', async () => {
    for (const line of ['PUT /api/v1/sessions', 'GET /api/v1/nowhere', 'TRACE /api/v2/sessions']) {
      expect(statusOf(await ask(closed.url, line)), line).toBe(401);
    }
  });
});

describe('every answer has the version that the clients compare', () => {
  it('be it a record, a refusal for the credential, the Host or the Origin, or a public document', async () => {
    const authorization = `Api-Key ${token}`;
    for (const [status, path, headers] of [
      [200, '/healthz', {}],
      [200, '/healthz', { authorization: 'Bearer wrong' }],
      [200, '/api/openapi.json', {}],
      [200, '/api/v2/sessions-ordered', { authorization }],
      [400, '/api/v1/sessions?limit=x', { authorization }],
      [401, '/api/v1/sessions', {}],
      [401, '/api/v2/sessions-ordered', { authorization: 'Api-Key wrong' }],
      [403, '/api/v2/users/x', { authorization, host: 'evil.example' }],
      [403, '/api/v2/users/x', { authorization, origin: 'https://evil.example' }],
      [404, '/api/v2/users/x', { authorization }],
      [404, '/api/v2/graph/clone', { authorization }],
    ] as [number, string, Record<string, string>][]) {
      const answer = await send(closed.url, { path, headers });
      expect([path, answer.status]).toEqual([path, status]);
      expectVersion(answer);
      const text = path.startsWith('/api/v1') || path === '/healthz';
      expect(answer.headers['content-type']).toMatch(text ? /^text\/plain/ : /^application\/json$/);
      if (status >= 400 && !text) expect(Object.keys(JSON.parse(answer.body))).toEqual(['message']);
      if (status === 401) expect(answer.headers['www-authenticate']).not.toContain('metadata');
    }
  });

  it('and the body of /healthz is a point, without a credential and with a wrong one', async () => {
    expect((await send(`${closed.url}/healthz`)).body).toBe('.');
    const headers = { authorization: 'Bearer wrong' };
    expect((await send(`${closed.url}/healthz`, { headers })).body).toBe('.');
  });
});

describe('requests that do not keep to HTTP', () => {
  it('are refused: two lengths, two Hosts, none', async () => {
    const head = 'POST /api/v2/sessions HTTP/1.1\r\nconnection: close\r\n';
    const host = 'host: localhost\r\n';
    for (const bytes of [
      `${head}${host}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n`,
      `${head}${host}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
      `${head}${host}host: evil.example\r\ncontent-length: 2\r\n\r\n{}`,
      `${head}content-length: 2\r\n\r\n{}`,
      `${head}${host}transfer-encoding: evil\r\n\r\n{}`,
    ]) {
      expect([400, 501]).toContain(statusOf(await sendBytes(open.url, bytes)));
    }
    expect((await get('/api/v2/sessions-ordered')).body).not.toContain('evil');
  });
});

// Last: it looks at what all of the above left behind.
it('the log has no line of a fault of ours, and none with a stack', () => {
  for (const { stderr } of [open, closed]) {
    expect(stderr()).not.toMatch(/"level":"error"|"stack"/);
  }
});
