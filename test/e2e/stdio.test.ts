import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BAD_CALLS, nested } from '../support/bad-input.ts';
import { lockFile } from '../support/file-lock.ts';
import { EVERY_TOOLSET, OFFERED_BY_DEFAULT } from '../support/offered.ts';
import { INITIALIZE, MODERN_META, RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
let file: string;

beforeEach(async () => {
  servers = await Servers.open();
  file = join(servers.directory, 'sessions.db');
});
afterEach(() => servers.close());

function start(env: Record<string, string> = {}): RawStdio {
  return new RawStdio(servers.spawn({ env: { SESSIONS_DB: file, ...env } }));
}

async function connect(env: Record<string, string> = {}): Promise<RawStdio> {
  const raw = start(env);
  await raw.initialize();
  return raw;
}

const call = (id: number, name: string, args: object, _meta?: object) =>
  JSON.stringify({
    ...{ jsonrpc: '2.0', id, method: 'tools/call' },
    params: { name, arguments: args, ...(_meta !== undefined && { _meta }) },
  });

describe('what reaches stdout', () => {
  it('is MCP and nothing else, with the log at its noisiest', async () => {
    const raw = await connect({ LOG_LEVEL: 'debug', PURGE_EVERY: '1s', PURGE_AFTER: '1s' });
    await raw.call('add_session', { session_id: 'one' });
    await raw.call('add_session', { session_id: 'one' });
    await raw.call('get_session', { session_id: 5 });
    await raw.call('no_such_tool', {});
    await raw.request('resources/read', { uri: 'session://none' });
    await raw.request('no/such/method');
    const nonsense = ['{"jsonrpc":"2.0","id":', '{"jsonrpc":"2.0"}', '[]', '42', 'null', '', '\0'];
    for (const line of nonsense) raw.write(line);
    await raw.call('delete_session', { session_id: 'one' });
    await raw.server.logged(/"purged"/);
    expect((await raw.call('get_session', { session_id: 'one' })).isError).toBe(true);
    raw.server.stdin.end();
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
    expect(raw.invalidLines).toEqual([]);
    expect(raw.server.stdout().endsWith('\n')).toBe(true);
  });
});

describe('a host that does not read the log any more', () => {
  it('is served as before', async () => {
    const raw = await connect({ LOG_LEVEL: 'debug' });
    raw.server.closeLog();
    for (const session_id of ['one', 'two', 'three']) {
      expect((await raw.call('add_session', { session_id })).isError).not.toBe(true);
    }
    raw.server.stdin.end();
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
  });
});

describe('the end of its input', () => {
  it('leaves nothing unanswered that was piped in before, in the older era', async () => {
    const raw = start();
    raw.server.stdin.end(
      [
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: INITIALIZE }),
        JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
        JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }),
        call(3, 'add_session', { session_id: 'piped' }),
        call(4, 'get_session', { session_id: 'piped' }),
        // The last line has no newline, as when a shell prints it without one.
        call(5, 'list_sessions', {}),
      ].join('\n'),
    );
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
    expect(raw.frames.map(({ id }) => id).sort()).toEqual([1, 2, 3, 4, 5]);
    expect(raw.frames.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('leaves nothing unanswered that was piped in before, in the modern era', async () => {
    const raw = start();
    const _meta = MODERN_META;
    raw.server.stdin.end(
      [
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta } }),
        call(2, 'add_session', { session_id: 'piped' }, _meta),
        call(3, 'list_sessions', {}, _meta),
        '',
      ].join('\n'),
    );
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
    expect(raw.frames.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
    expect(raw.frames.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('ends a server that was never spoken to', async () => {
    const raw = start();
    raw.server.stdin.end();
    expect(await raw.server.exited).toEqual({ code: 0, signal: null });
    expect(raw.server.stdout()).toBe('');
  });
});

describe('a server that has to stop with calls in flight', () => {
  /** A server that has read three calls which it cannot answer yet. */
  async function withCallsInFlight() {
    const raw = await connect({ LOG_LEVEL: 'info' });
    await raw.call('add_session', { session_id: 'known' });
    const lock = lockFile(file);
    const answers = ['a', 'b', 'c'].map((name) => raw.call('add_session', { session_id: name }));
    // It reads in order, so whoever has the answer to this knows that those before have arrived.
    await raw.call('get_session', { session_id: 'known' });
    return { raw, lock, answers: Promise.all(answers) };
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'end of input'] as const) {
    it(`answers them first, on ${signal}`, async () => {
      const { raw, lock, answers } = await withCallsInFlight();
      if (signal === 'end of input') raw.server.stdin.end();
      else raw.server.signal(signal);
      await raw.server.logged(/"stopping"/);
      lock.release();
      for (const { isError } of await answers) expect(isError).toBeUndefined();
      expect(await raw.server.exited).toEqual({ code: 0, signal: null });
    });
  }

  it('stops at once when it is told a second time', async () => {
    const { raw, lock, answers } = await withCallsInFlight();
    const unanswered = expect(answers).rejects.toThrow('ended with 1');
    raw.server.signal('SIGTERM');
    await raw.server.logged(/"stopping"/);
    raw.server.signal('SIGTERM');
    expect(await raw.server.exited).toEqual({ code: 1, signal: null });
    await unanswered;
    lock.release();
  });
});

describe('input that is too much', () => {
  const big = 'x'.repeat(17 * 1024 * 1024);

  it.each([
    ['at its start', `{"jsonrpc":"2.0","id":"big","method":"x","params":{"text":"${big}"}}`],
    ['at its end', `{"method":"x","params":{"text":"${big}"},"jsonrpc":"2.0","id":"big"}`],
  ])('in one message of 17 MB with its id %s is refused under that id', async (_where, line) => {
    const raw = await connect();
    const answer = raw.answer('big');
    raw.write(line);
    const { error } = await answer;
    expect(error).toMatchObject({ code: -32600, message: expect.stringContaining('16777216') });
    expect((await raw.call('list_sessions', {})).isError).toBeUndefined();
  });

  it('in levels of nesting outside the arguments does not end the server', async () => {
    const raw = await connect();
    raw.write(
      `{"jsonrpc":"2.0","id":90,"method":"tools/list","params":{"_meta":${nested(100_000)}}}`,
    );
    raw.write(`{"jsonrpc":"2.0","method":"notifications/x","params":${nested(100_000)}}`);
    raw.write('['.repeat(100_000));
    const { tools } = (await raw.request('tools/list')).result;
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(OFFERED_BY_DEFAULT);
    expect(raw.invalidLines).toEqual([]);
  });
});

describe('arguments that are wrong', () => {
  let raw: RawStdio;
  beforeEach(async () => {
    raw = new RawStdio(servers.spawn({ args: EVERY_TOOLSET, env: { SESSIONS_DB: file } }));
    await raw.initialize();
  });

  it('get INVALID_ARGUMENT with what to do, change nothing, and leave it serving', async () => {
    let id = 1000;
    for (const { what, tool, args, says } of BAD_CALLS) {
      id += 1;
      const answer = raw.answer(id);
      const params = `{"name":"${tool}","arguments":${args}}`;
      raw.write(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`);
      const { result } = await answer;
      expect(result, what).toMatchObject({ isError: true });
      const { code, message, retryable } = result.structuredContent.error;
      expect({ code, retryable }, what).toEqual({ code: 'INVALID_ARGUMENT', retryable: false });
      expect(message, what).toContain(says);
      expect(message.length, what).toBeLessThan(1000);
    }
    for (const kind of ['sessions', 'users']) {
      for (const deleted of ['exclude', 'only']) {
        const list = await raw.call(`list_${kind}`, { deleted, include_total: true });
        expect(list.structuredContent).toEqual({ [kind]: [], total_count: 0 });
      }
    }
    expect(raw.invalidLines).toEqual([]);
  });

  it.each([
    ['a list of arguments', { name: 'get_session', arguments: ['x'] }],
    ['text for arguments', { name: 'get_session', arguments: 'x' }],
    ['no name', {}],
    ['a name that is no text', { name: 7 }],
  ])('are refused by the protocol: %s', async (_what, params) => {
    expect((await raw.request('tools/call', params)).error?.code).toBe(-32602);
  });
});
