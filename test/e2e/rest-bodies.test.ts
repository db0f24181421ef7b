import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BAD_CALLS, nested, shallower } from '../support/bad-input.ts';
import { type Answer, type Sent, send } from '../support/raw-http.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';

const SESSIONS = ['/api/v1/sessions', '/api/v2/sessions'];
const MEMORY = SESSIONS.map((path) => `${path}/bad/memory`);
const USERS = ['/api/v1/user', '/api/v2/users'];

/** Where a body is sent that is wrong for a tool: its arguments have the same names there. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  add_session: SESSIONS,
  add_memory: MEMORY,
  add_user: USERS,
};

/**
 * What is right here: keys that are not known are left alone, because clients send back what they have read.
 * Parts are none of this wire.
 */
const RIGHT_HERE = /unknown key|parts/;
/** What is right in the second generation, where a message has a type, a name and a text, all optional. */
const RIGHT_IN_V2 = /without role|without content|null for content|an empty role|role of 65 bytes/;

interface BadBody {
  what: string;
  path: string;
  body: string | Buffer;
  says: string;
}

const BAD_BODIES: BadBody[] = BAD_CALLS.filter(({ what }) => !RIGHT_HERE.test(what))
  .map(shallower)
  .flatMap(({ what, tool, args, says }) =>
    (PATHS[tool] ?? [])
      .filter((path) => !(path.startsWith('/api/v2') && RIGHT_IN_V2.test(what)))
      .map((path) => ({
        what,
        path,
        body: args,
        says: says.replace('at least one', 'at least 1'),
      })),
  );

const both = (what: string, paths: readonly string[], body: string | Buffer, says: string) =>
  paths.map((path) => ({ what, path, body, says }));

const MORE_BAD_BODIES: BadBody[] = [
  ...both('a list for an object', [...SESSIONS, ...MEMORY, ...USERS], '[]', 'expected object'),
  ...both('a number for an object', [...SESSIONS, ...MEMORY, ...USERS], '7', 'expected object'),
  ...both('true for an object', SESSIONS, 'true', 'expected object'),
  ...both('null', SESSIONS, 'null', 'session_id'),
  ...both('null for messages', MEMORY, '{"messages":null}', 'messages'),
  ...both('a message that is a list', MEMORY, '{"messages":[[]]}', 'messages.0'),
  ...both('a number for an identifier', USERS, '{"user_id":7}', 'user_id'),
  ...both('a list for an identifier', SESSIONS, '{"session_id":["bad"]}', 'session_id'),
  ...both(
    'a time that is none',
    MEMORY,
    '{"messages":[{"role":"user","content":"x","created_at":"2026-02-30"}]}',
    'created_at',
  ),
  ...both(
    'a time in the future',
    MEMORY,
    '{"messages":[{"role":"user","content":"x","created_at":"9999-01-01"}]}',
    'in the future',
  ),
  ...both(
    'a key twice, the last one wrong',
    SESSIONS,
    '{"session_id":"a","session_id":7}',
    'string',
  ),
  {
    what: 'a summary of nothing',
    path: '/api/v1/sessions/bad/memory',
    body: '{"messages":[{"role":"user","content":"x"}],"summary":{"content":""}}',
    says: 'summary.content',
  },
  {
    what: 'a name of 257 bytes',
    path: '/api/v2/sessions/bad/memory',
    body: `{"messages":[{"role":"${'x'.repeat(257)}","content":"x"}]}`,
    says: '257 bytes',
  },
  {
    what: 'a type of role that is none',
    path: '/api/v2/sessions/bad/memory',
    body: '{"messages":[{"role_type":"robot","content":"x"}]}',
    says: 'norole, system, assistant, user, function, tool',
  },
  ...[
    ['no text', '{}', 'text'],
    ['an empty text', '{"text":""}', 'at least 1 character'],
    ['a text of 20,001 characters', `{"text":"${'x'.repeat(20_001)}"}`, '20000 characters'],
    ['21 sessions', `{"text":"x","session_ids":[${Array(21).fill('"x"').join()}]}`, 'at most 20'],
    ['an object among the sessions', '{"text":"x","session_ids":[{}]}', 'session_ids.0'],
    ['a score beyond all numbers', '{"text":"x","min_score":1e999}', 'min_score'],
    ['a scope that is none', '{"text":"x","search_scope":"all"}', 'search_scope'],
    ['facts', '{"text":"x","search_scope":"facts"}', 'facts'],
    ['a condition by JSONPath', '{"text":"x","record_filter":{"where":{"and":[]}}}', 'JSONPath'],
    ['conditions of very many levels', `{"text":"x","record_filter":${nested(900)}}`, '64 levels'],
    [
      'a time that is over before it begins',
      '{"text":"x","record_filter":{"start_date":"2026-01-02","end_date":"2026-01-01"}}',
      'later',
    ],
  ].flatMap(([what, body, says]) =>
    both(`a search for ${what}`, ['/api/v2/sessions/search'], body as string, says as string),
  ),
];

/** Bytes that are no JSON. */
const NO_JSON: [what: string, body: string | Buffer][] = [
  ['nothing', ''],
  ['half an object', '{"session_id":"bad"'],
  ['an object and more', '{"session_id":"bad"}{}'],
  ['single quotes', "{'session_id':'bad'}"],
  ['NUL', '\0'],
  ['a byte order mark', '\ufeff{"session_id":"bad"}'],
  ['UTF-16', Buffer.from('{"session_id":"bad"}', 'utf16le')],
  ['a number that is none', '{"session_id":NaN}'],
  ['a form', 'session_id=bad'],
];

let servers: Servers;
let server: ServerProcess & { url: string };
beforeAll(async () => {
  servers = await Servers.open();
  server = await servers.spawnHttp();
});
afterAll(() => servers?.close());

/** Node sends the length of a body by itself only where one is usual. */
const ask = (method: string, path: string, { body, headers }: Sent = {}) => {
  const length = body === undefined ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
  return send(server.url, {
    ...{ method, path, headers: { ...length, ...headers } },
    ...(body !== undefined && { body }),
  });
};

/** A refusal in the form of its generation. */
function expectRefused(answer: Answer, path: string, says: string, status = 400): void {
  const isText = path.startsWith('/api/v1/');
  expect(answer.status, answer.body.slice(0, 500)).toBe(status);
  expect(answer.headers['content-type']).toBe(
    isText ? 'text/plain; charset=utf-8' : 'application/json',
  );
  expect(isText ? answer.body : JSON.parse(answer.body).message).toContain(says);
  expect(answer.body.length).toBeLessThan(2000);
  expect(answer.body).not.toMatch(/ {4}at |node_modules|[Ss][Qq][Ll]ite/);
}

describe('a body', () => {
  afterEach(async () => {
    for (const path of ['/api/v1/sessions', '/api/v1/user']) {
      expect((await ask('GET', path)).body, 'still serves, and nothing was added').toBe('[]');
    }
  });

  it.each([...BAD_BODIES, ...MORE_BAD_BODIES])(
    'with $what is refused at $path, and says why',
    async ({ path, body, says }) => {
      expectRefused(await ask('POST', path, { body }), path, says);
    },
  );

  it.each(NO_JSON)('of %s is refused as no JSON', async (_, body) => {
    for (const path of [...SESSIONS, ...MEMORY, ...USERS, '/api/v2/sessions/search']) {
      expectRefused(await ask('POST', path, { body }), path, 'not valid JSON');
    }
  });

  it('of brackets is refused before it is parsed', async () => {
    const [path = ''] = SESSIONS;
    const deep = await ask('POST', path, { body: '['.repeat(1_000_000) });
    expectRefused(deep, path, '1000 levels');
    const many = await ask('POST', path, { body: `[${'{},'.repeat(200_001)}0]` });
    expectRefused(many, path, '200000', 413);
  });

  it('that is longer than MESSAGE_MAX is refused with 413, in the form of its generation', async () => {
    for (const path of [...SESSIONS, ...MEMORY]) {
      const body = Buffer.alloc(16 * 1024 * 1024 + 1, ' ');
      expectRefused(await ask('POST', path, { body }), path, '16777216', 413);
    }
  });

  it('is not read where there is nothing to be done with it', async () => {
    for (const [method, path, status] of [
      ['POST', '/api/v2/nowhere', 404],
      ['POST', '/api/v2/graph/clone', 404],
      ['PUT', '/api/v2/sessions', 405],
      ['PATCH', '/api/v2/sessions', 405],
      ['POST', '/api/v2/users/x/sessions', 405],
      ['DELETE', '/api/v2/sessions/x/memory', 404],
      ['GET', '/api/v2/sessions/x', 404],
    ] as const) {
      for (const body of ['{', '{}']) {
        expect((await ask(method, path, { body })).status, `${method} ${path}`).toBe(status);
      }
    }
    for (const path of ['/healthz', '/api/openapi.json', '/api/v2/users-ordered']) {
      expect((await ask('GET', path, { body: '{}' })).status, path).toBe(200);
    }
  });
});

describe('JSON', () => {
  it('is read whatever type it is sent as, but from a page, which would need no preflight', async () => {
    const post = (path: string, headers: Record<string, string>) =>
      ask('POST', path, { headers, body: '{"text":"x"}' });
    const path = '/api/v2/sessions/search';
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'evil', '']) {
      expect((await post(path, { 'content-type': type })).status, type).toBe(200);
      const headers = { 'content-type': type, origin: 'http://localhost:5173' };
      expectRefused(await post(path, headers), path, 'application/json', 415);
    }
    const headers = { 'content-type': 'application/json', origin: 'http://localhost:5173' };
    expect((await post(path, headers)).status).toBe(200);
    // A page cannot send PATCH without a preflight.
    const patch = {
      headers: { 'content-type': 'text/plain', origin: 'http://localhost' },
      body: '{}',
    };
    expect((await ask('PATCH', '/api/v1/sessions/x', patch)).status).toBe(404);
  });

  it('reads back as it was sent, with keys and texts that are special elsewhere', async () => {
    const special = {
      ...{ 'a.b': 1, $set: 2, constructor: { prototype: 3 }, toString: null, '': [] },
      ...{ separators: '\u2028\u2029', emoji: '🦊', zero: 0, float: 1e-7, deep: [[[{}]]] },
    };
    const metadata = { ...special, ...JSON.parse('{"__proto__":{"polluted":true}}') };
    for (const [i, path] of SESSIONS.entries()) {
      for (const session_id of [`constructor${i}`, `__proto__${i}`, `a/b?c#d%41${i}`, `..${i}`]) {
        const added = await ask('POST', path, { body: JSON.stringify({ session_id, metadata }) });
        expect(added.status, added.body).toBe(201);
        expect(added.body).not.toMatch(/[\u2028\u2029]/);
        const answer = await ask('GET', `${path}/${encodeURIComponent(session_id)}`);
        const expected = Object.entries(metadata).filter(([, value]) => value !== null);
        expect(JSON.parse(answer.body).session_id).toBe(session_id);
        expect(Object.entries(JSON.parse(answer.body).metadata)).toEqual(
          expect.arrayContaining(expected),
        );
      }
    }
    expect({}).not.toHaveProperty('polluted');
  });
});

// Last: it looks at what all of the above left behind.
it('the log has no line of a fault of ours, and none with a stack', () => {
  expect(server.stderr()).not.toMatch(/"level":"error"|"stack"/);
});
