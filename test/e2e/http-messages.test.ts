import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BAD_MESSAGES, NO_JSON } from '../support/bad-messages.ts';
import {
  type Answer,
  callBody,
  JSON_HEADERS,
  message,
  SseStream,
  send,
} from '../support/raw-http.ts';
import { INITIALIZE, MODERN_META } from '../support/raw-stdio.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';

let servers: Servers;
let server: ServerProcess & { url: string };
let mcp: string;
beforeAll(async () => {
  servers = await Servers.open();
  server = await servers.spawnHttp({ env: { CALLS_AT_ONCE: '1000' } });
  mcp = `${server.url}/mcp`;
});
afterAll(() => servers?.close());

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
const pong = (id: unknown) => ({ jsonrpc: '2.0', id, result: {} });
const NOTIFICATION = { jsonrpc: '2.0', method: 'notifications/x' };

const refusal = (id: unknown, words: string) =>
  expect.objectContaining({
    id,
    error: expect.objectContaining({ code: -32600, message: expect.stringContaining(words) }),
  });

function post(body: unknown, headers: Record<string, string> = {}, url = mcp): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return send(url, { headers: { ...JSON_HEADERS, ...headers }, body: text });
}

/** Posts with exactly this Accept header, or without any. */
function postAccepting(accept: string | undefined, body: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', ...(accept !== undefined && { accept }) };
  return send(mcp, { headers, body });
}

const isStream = ({ headers }: Answer) => headers['content-type']?.startsWith('text/event-stream');

describe('JSON that is no message', () => {
  it.each(BAD_MESSAGES)('is refused under the id it has: %s', async (json, id) => {
    const answer = await post(json);
    expect(answer.status).toBe(400);
    expect(message(answer)).toEqual(refusal(id, 'no message of JSON-RPC 2.0: '));
  });

  it('is refused in the same words over HTTP+SSE', async () => {
    const sse = await SseStream.open(server.url);
    for (const [json, id] of BAD_MESSAGES) {
      const answer = await post(json, {}, sse.endpoint.href);
      expect(message(answer), json).toEqual(refusal(id, 'no message of JSON-RPC 2.0: '));
    }
    for (const batch of [[ping(1)], []]) {
      const answer = await post(batch, {}, sse.endpoint.href);
      expect(answer.status).toBe(400);
      expect(message(answer)).toEqual(refusal(null, '2025-03-26'));
    }
    sse.close();
  });

  it('is told from what is no JSON', async () => {
    for (const line of NO_JSON) {
      expect(message(await post(line))).toMatchObject({ id: null, error: { code: -32700 } });
    }
  });
});

describe('a batch', () => {
  const IN_FORCE: Record<string, string>[] = [{}, { 'mcp-protocol-version': '2025-03-26' }];

  it.each(IN_FORCE)('is answered with one array, with %o', async (headers) => {
    const call = JSON.parse(callBody('list_sessions', {}));
    const answer = await post([ping('a'), NOTIFICATION, { ...call, id: 'b' }, ping('c')], headers);
    expect(answer.status).toBe(200);
    expect(isStream(answer)).toBe(false);
    const body = message(answer);
    expect(body.map(({ id }: { id: string }) => id)).toEqual(['a', 'b', 'c']);
    expect(body[1].result.structuredContent.sessions).toEqual([]);
    expect(message(await post([ping(0)], headers))).toEqual([pong(0)]);
  });

  it.each([
    '2024-11-05',
    '2025-06-18',
    '2025-11-25',
    '2026-07-28',
    '1999-01-01',
    '2025-03-26, 2025-03-26',
  ])('is refused in words in protocol version %s', async (version) => {
    for (const batch of [[ping(1)], [ping(1), ping(2)], [NOTIFICATION], [], [[]]]) {
      const answer = await post(batch, { 'mcp-protocol-version': version });
      expect(answer.status).toBe(400);
      expect(message(answer)).toEqual(refusal(null, '2025-03-26'));
    }
  });

  it('comes as one event where the client accepts nothing but a stream', async () => {
    const answer = await postAccepting('text/event-stream', JSON.stringify([ping(1), ping(2)]));
    expect(isStream(answer)).toBe(true);
    expect(answer.headers['x-accel-buffering']).toBe('no');
    expect(message(answer)).toEqual([pong(1), pong(2)]);
  });

  it('has the errors of the members that are no messages among its answers', async () => {
    const bad = BAD_MESSAGES.map(([json]) => json);
    const answer = await post(`[${[...bad, JSON.stringify(ping('good')), '[]', '[[[]]]'].join()}]`);
    expect(answer.status).toBe(200);
    expect(message(answer)).toEqual([
      ...BAD_MESSAGES.map(([, id]) => refusal(id, 'no message')),
      pong('good'),
      refusal(null, 'an object'),
      refusal(null, 'an object'),
    ]);
    const none = await post('[1,[]]');
    expect(none.status).toBe(400);
    expect(message(none)).toEqual([refusal(null, 'an object'), refusal(null, 'an object')]);
  });

  it('has no member of a newer protocol version', async () => {
    const modern = { ...ping(2), method: 'tools/list', params: { _meta: MODERN_META } };
    expect(message(await post([ping(1), modern]))).toEqual([pong(1), refusal(2, '2025-03-26')]);
  });

  it('of notifications and responses alone is accepted without an answer', async () => {
    const answer = await post([NOTIFICATION, pong(1), NOTIFICATION]);
    expect(answer).toMatchObject({ status: 202, body: '' });
  });

  it.each([
    ['no messages', '[]'],
    [
      '101 messages, and at most 100',
      JSON.stringify(Array.from({ length: 101 }, (_, i) => ping(i))),
    ],
    ['199999 messages', `[${'{},'.repeat(199_998)}{}]`],
    ['the same id', JSON.stringify([ping(5), ping('5'), ping(5)])],
    [
      'initialize',
      JSON.stringify([ping(1), { ...ping(2), method: 'initialize', params: INITIALIZE }]),
    ],
    ['initialize', JSON.stringify([{ ...ping(2), method: 'initialize', params: INITIALIZE }])],
  ])('is refused as a whole, with words about "%s"', async (words, body) => {
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(message(answer)).toEqual(refusal(null, words));
  });

  it('of a hundred messages is answered, and leaves no warning', async () => {
    const answer = await post(Array.from({ length: 100 }, (_, id) => ping(id)));
    expect(message(answer)).toEqual(Array.from({ length: 100 }, (_, id) => pong(id)));
    expect(server.stderr()).not.toMatch(/warning/i);
  });
});

describe('the Accept header of a message', () => {
  const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  const progress = { progressToken: 'p' };

  it.each([
    undefined,
    '',
    '*/*',
    '*',
    'application/json',
    'application/*;q=0.2',
    'text/event-stream;q=0, */*',
  ])('may be %j where the answer is JSON', async (accept) => {
    const modern = JSON.stringify({ ...JSON.parse(LIST), params: { _meta: MODERN_META } });
    for (const body of [LIST, callBody('list_sessions', {}, progress), JSON.stringify([ping(1)])]) {
      expect((await postAccepting(accept, body)).status, body).toBe(200);
    }
    const headers = {
      'content-type': 'application/json',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/list',
      ...(accept !== undefined && { accept }),
    };
    const answer = await send(mcp, { headers, body: modern });
    expect(answer.status, answer.body).toBe(200);
    expect(isStream(answer)).toBe(false);
  });

  it('decides between JSON and a stream where there is progress to tell of', async () => {
    const body = callBody('list_sessions', {}, progress);
    expect(isStream(await postAccepting('application/json', body))).toBe(false);
    expect(isStream(await postAccepting('*/*', body))).toBe(true);
    for (const accept of ['text/event-stream', 'text/*, application/json;q=0']) {
      const answer = await postAccepting(accept, LIST);
      expect(isStream(answer)).toBe(true);
      expect(answer.headers['x-accel-buffering']).toBe('no');
      expect(message(answer).result.tools).not.toHaveLength(0);
    }
  });

  it.each(['text/html', 'application/json;q=0', 'application/xml, text/plain'])(
    'is refused where it admits neither: %s',
    async (accept) => {
      const answer = await postAccepting(accept, LIST);
      expect(answer.status).toBe(406);
      expect(message(answer).error.message).toContain('application/json or text/event-stream');
    },
  );

  it('has to admit an event stream where one is opened', async () => {
    const open = (accept: string) =>
      send(`${server.url}/sse`, { method: 'GET', headers: { accept } });
    for (const accept of ['application/json', 'text/event-stream;q=0, */*', 'text/html']) {
      expect((await open(accept)).status).toBe(406);
    }
    const notifications = { resourceSubscriptions: ['session://x'] };
    const listen = await send(mcp, {
      headers: {
        ...{ accept: 'application/json', 'content-type': 'application/json' },
        ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
      },
      body: JSON.stringify({
        ...{ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen' },
        params: { notifications, _meta: MODERN_META },
      }),
    });
    expect(listen.status).toBe(406);
    const { status } = await fetch(mcp, { headers: { accept: 'application/json' } });
    expect(status).toBe(405);
  });
});

describe('U+2028 and U+2029', () => {
  const session_id = 'line separators';
  const content = '\u2028\u2029€'.repeat(10_000);

  it('are escaped in JSON and in events, wherever they are', async () => {
    const add = { session_id, messages: [{ role: 'u\u2028', content }] };
    await post(callBody('add_memory', add));
    const get = callBody('get_memory', { session_id });
    const modern = { _meta: MODERN_META, name: 'get_memory', arguments: { session_id } };
    const answers = [
      await post(get),
      await post(callBody('get_memory', { session_id }, { progressToken: 1 })),
      await post(`[${get}]`),
      await post(
        { jsonrpc: '2.0', id: 1, method: 'tools/call', params: modern },
        {
          ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' },
          'mcp-name': 'get_memory',
        },
      ),
    ];
    for (const answer of answers) {
      expect(answer.body).not.toMatch(/[\u2028\u2029]/);
      const [{ result }] = [message(answer)].flat();
      const shown = result.structuredContent.messages[0].content;
      expect(content.startsWith(shown.slice(0, 1000))).toBe(true);
    }
    const bad = await post(`{"jsonrpc":"2.0","id":"\u2028","method":1}`);
    expect(bad.body).not.toContain('\u2028');
    expect(message(bad).id).toBe('\u2028');
  });

  it('are escaped in the events of HTTP+SSE', async () => {
    const sse = await SseStream.open(server.url);
    await post(callBody('get_memory', { session_id }), {}, sse.endpoint.href);
    const event = await sse.next();
    expect(event).not.toMatch(/[\u2028\u2029]/);
    const [{ content: shown }] = JSON.parse(event).result.structuredContent.messages;
    expect(content.startsWith(shown.slice(0, 1000))).toBe(true);
    sse.close();
  });
});

describe('an event stream', () => {
  it('asks proxies not to hold it back', async () => {
    const abort = new AbortController();
    const { headers, body } = await fetch(`${server.url}/sse`, { signal: abort.signal });
    expect(headers.get('x-accel-buffering')).toBe('no');
    expect((await body?.getReader().read())?.value).toBeDefined();
    abort.abort();
    const { headers: others } = await post(callBody('list_sessions', {}, { progressToken: 1 }));
    expect(others['x-accel-buffering']).toBe('no');
  });
});

describe('a slash at the end of a path', () => {
  it('makes no difference', async () => {
    for (const path of ['/mcp/', '/mcp/?x=1/', '/mcp?x=/']) {
      expect(message(await post(ping(1), {}, server.url + path)), path).toEqual(pong(1));
    }
    const abort = new AbortController();
    const stream = await fetch(`${server.url}/sse/`, { signal: abort.signal });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    abort.abort();
    const sse = await SseStream.open(server.url);
    const messages = sse.endpoint.href.replace('/messages?', '/messages/?');
    expect((await post(ping(7), {}, messages)).status).toBe(202);
    expect(JSON.parse(await sse.next())).toEqual(pong(7));
    sse.close();
  });

  it.each([
    '//mcp',
    '//mcp/',
    '/mcp//',
    '/mcp/.',
    '/mcp/x',
    '/mcp/../healthz',
    '/mcp%2F',
    '/mcp/;x',
    '/mcp\\',
    '/',
  ])('leads nowhere with more than itself: %s', async (path) => {
    const body = JSON.stringify(ping(1));
    expect((await send(server.url, { path, headers: JSON_HEADERS, body })).status).toBe(404);
  });
});
