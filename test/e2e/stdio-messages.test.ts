import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BAD_MESSAGES, NO_JSON } from '../support/bad-messages.ts';
import { INITIALIZE, RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
let raw: RawStdio;

beforeEach(async () => {
  servers = await Servers.open();
  raw = start();
});
afterEach(() => servers.close());

function start(env: Record<string, string> = {}): RawStdio {
  const file = join(servers.directory, 'sessions.db');
  return new RawStdio(servers.spawn({ env: { SESSIONS_DB: file, ...env } }));
}

const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
const pong = (id: unknown) => ({ jsonrpc: '2.0', id, result: {} });
const refusal = (id: unknown, words: string) =>
  expect.objectContaining({
    id,
    error: expect.objectContaining({ code: -32600, message: expect.stringContaining(words) }),
  });
const callOf = (id: unknown, name: string, args: object) => ({
  ...{ jsonrpc: '2.0', id, method: 'tools/call' },
  params: { name, arguments: args },
});

/** What was answered to these lines, in order. Nothing else is said meanwhile. */
async function answersTo(lines: readonly string[]): Promise<unknown[]> {
  const before = raw.lines.length;
  for (const line of lines) raw.write(line);
  await raw.request('ping');
  return raw.lines.slice(before, -1);
}

describe('a byte order mark', () => {
  it('before the first line is ignored', async () => {
    const answer = raw.answer(1);
    raw.write(`\uFEFF${JSON.stringify({ ...ping(1), method: 'initialize', params: INITIALIZE })}`);
    expect((await answer).result.serverInfo.name).toBe('mcp-sessions');
    expect(raw.frames).toHaveLength(1);
  });

  it('hides no id, where the first line is too long', async () => {
    const answer = raw.answer('first');
    raw.write(`\uFEFF{"id":"first","method":"${'x'.repeat(17 * 1024 ** 2)}","jsonrpc":"2.0"}`);
    expect((await answer).error?.code).toBe(-32600);
  });
});

describe('a line that is no JSON', () => {
  it('is answered with a parse error, and the server goes on', async () => {
    await raw.initialize();
    expect(await answersTo(NO_JSON)).toEqual(
      NO_JSON.map(() => ({
        ...{ jsonrpc: '2.0', id: null },
        error: { code: -32700, message: expect.stringContaining('not valid JSON') },
      })),
    );
    expect((await raw.call('list_sessions', {})).isError).toBeUndefined();
  });

  it('is answered before the connection is opened, too', async () => {
    raw.write('{"jsonrpc":');
    expect((await raw.initialize()).result).toBeDefined();
    expect(raw.frames[0]).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it('is not one with nothing in it', async () => {
    await raw.initialize();
    expect(await answersTo(['', '\r', '  \t', '\r\n'])).toEqual([]);
  });
});

describe('JSON that is no message', () => {
  it.each(BAD_MESSAGES)('is refused under the id it has: %s', async (json, id) => {
    await raw.initialize();
    const [answer, ...more] = await answersTo([json]);
    expect(answer).toEqual(refusal(id, 'no message of JSON-RPC 2.0: '));
    expect(more).toEqual([]);
  });

  it('is not answered where it is meant as an error, lest two peers go on forever', async () => {
    await raw.initialize();
    const errors = [
      '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}',
      '{"error":1}',
    ];
    expect(await answersTo(errors)).toEqual([]);
  });
});

describe('a batch', () => {
  it('is answered in one line in protocol version 2025-03-26', async () => {
    await raw.initialize('2025-03-26');
    const before = raw.lines.length;
    const last = raw.answer('c');
    raw.write(
      JSON.stringify([
        ping('a'),
        { jsonrpc: '2.0', method: 'notifications/x' },
        callOf('b', 'add_session', { session_id: 'one' }),
        ping('c'),
      ]),
    );
    await last;
    const [batch, ...more] = raw.lines.slice(before) as [{ id: string }[], ...unknown[]];
    expect(batch.map(({ id }) => id).sort()).toEqual(['a', 'b', 'c']);
    expect(more).toEqual([]);
    expect((await raw.call('get_session', { session_id: 'one' })).isError).toBeUndefined();
    expect(raw.invalidLines).toEqual([]);
  });

  it('may come right behind the opening, in one write', async () => {
    const answered = raw.answer('z');
    raw.server.stdin.end(
      [
        {
          ...ping(1),
          method: 'initialize',
          params: { ...INITIALIZE, protocolVersion: '2025-03-26' },
        },
        { jsonrpc: '2.0', method: 'notifications/initialized' },
        [ping('y')],
        [ping('z')],
      ]
        .map((message) => JSON.stringify(message))
        .join('\n'),
    );
    await answered;
    expect(raw.lines.slice(1)).toEqual([[pong('y')], [pong('z')]]);
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
  });

  it.each(['2024-11-05', '2025-06-18', '2025-11-25'])('is refused in %s', async (version) => {
    await raw.initialize(version);
    expect(await answersTo([JSON.stringify([ping('a')]), '[]'])).toEqual([
      refusal(null, '2025-03-26'),
      refusal(null, '2025-03-26'),
    ]);
  });

  it('is refused before a version is agreed on', async () => {
    raw.write(JSON.stringify([{ ...ping(9), method: 'initialize', params: INITIALIZE }]));
    await raw.initialize('2025-03-26');
    expect(raw.lines[0]).toEqual(refusal(null, '2025-03-26'));
  });

  it('has the errors of the members that are no messages among its answers', async () => {
    await raw.initialize('2025-03-26');
    const bad = BAD_MESSAGES.map(([json]) => json);
    const expected = BAD_MESSAGES.map(([, id]) => refusal(id, 'no message'));
    const answer = raw.answer('good');
    raw.write(`[${[...bad, JSON.stringify(ping('good')), '[]', '[[]]'].join()}]`);
    await answer;
    expect(raw.lines.at(-1)).toEqual([
      ...expected,
      refusal(null, 'an object'),
      refusal(null, 'an object'),
      pong('good'),
    ]);
    expect(await answersTo(['[1]', '[[],null]'])).toEqual([
      [refusal(null, 'an object')],
      [refusal(null, 'an object'), refusal(null, 'an object')],
    ]);
  });

  it('of notifications alone is not answered', async () => {
    await raw.initialize('2025-03-26');
    expect(await answersTo(['[{"jsonrpc":"2.0","method":"notifications/x"}]'])).toEqual([]);
  });

  it.each([
    ['no messages', '[]'],
    ['65 messages, and at most 64', JSON.stringify(Array.from({ length: 65 }, (_, i) => ping(i)))],
    ['3000001 messages', `[${'0,'.repeat(3_000_000)}0]`],
    ['the same id', JSON.stringify([ping(5), ping('5'), ping(5)])],
    ['initialize', JSON.stringify([ping(1), { ...ping(2), method: 'initialize' }])],
  ])('is refused as a whole, with words about "%s"', async (words, line) => {
    await raw.initialize('2025-03-26');
    expect(await answersTo([line])).toEqual([refusal(null, words)]);
  });

  it('has at most a hundred messages, however many calls are allowed at once', async () => {
    raw = start({ CALLS_AT_ONCE: '1000' });
    await raw.initialize('2025-03-26');
    const batch = (size: number) =>
      JSON.stringify(Array.from({ length: size }, (_, i) => ping(`${i}`)));
    const last = raw.answer('99');
    raw.write(batch(100));
    await last;
    expect(raw.lines.at(-1)).toHaveLength(100);
    expect(await answersTo([batch(101)])).toEqual([refusal(null, 'at most 100')]);
  });

  it('is answered without the calls that it cancels itself, or all of it not at all', async () => {
    await raw.initialize('2025-03-26');
    const cancel = (requestId: unknown) => ({
      ...{ jsonrpc: '2.0', method: 'notifications/cancelled' },
      params: { requestId },
    });
    const call = (id: string) => callOf(id, 'list_sessions', {});
    const kept = raw.answer('kept');
    raw.write(JSON.stringify([call('gone'), call('kept'), cancel('gone')]));
    await kept;
    expect(raw.lines.at(-1)).toEqual([expect.objectContaining({ id: 'kept' })]);
    expect(await answersTo([JSON.stringify([call('gone'), cancel('gone')])])).toEqual([]);
  });
});

describe('a line on stdout', () => {
  it('has no U+2028 and no U+2029 in it, which some readers take for its end', async () => {
    await raw.initialize();
    const content = 'one\u2028two\u2029three \\u2028';
    const messages = [{ role: 'user', content, metadata: { '\u2029': '\u2028' } }];
    await raw.call('add_memory', { session_id: 'line separators', messages });
    const { structuredContent } = await raw.call('get_memory', { session_id: 'line separators' });
    expect(structuredContent.messages[0]).toMatchObject(messages[0] as object);
    expect((await raw.call('no\u2028such', {})) ?? raw.frames.at(-1)?.error?.message).toContain(
      'no',
    );
    expect(raw.server.stdout()).not.toMatch(/[\u2028\u2029]/);
  });
});

describe('an opening that is wrong', () => {
  it('is refused, and another may follow at once', async () => {
    const refused = raw.answer('bad');
    raw.send({ ...ping('bad'), method: 'initialize', params: { protocolVersion: 7 } });
    const opened = raw.initialize('2025-03-26');
    expect((await refused).error).toBeDefined();
    expect((await opened).result.protocolVersion).toBe('2025-03-26');
    const last = raw.answer('x');
    raw.send([ping('x')]);
    await last;
    expect(raw.lines.at(-1)).toEqual([pong('x')]);
  });
});
