import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JSON_HEADERS, message, post, send } from '../support/raw-http.ts';
import { type ServerOptions, Servers } from '../support/server-process.ts';

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

const start = (options: ServerOptions = {}) => servers.spawnObserved(options);

/** What a caller sends; no trace of it may be left with those who run the server. */
const SAID = 'said-by-the-caller';

describe('the operations port', () => {
  it('is not there unless it is asked for, and is not the port that clients use', async () => {
    const { url, stderr } = await servers.spawnHttp();
    expect(stderr()).not.toContain('/healthz');
    for (const path of ['/readyz', '/metrics']) {
      expect((await send(url + path)).status).toBe(404);
    }
  });

  it('has no part in /healthz of the REST API, which --no-rest leaves out', async () => {
    const { url } = await servers.spawnHttp();
    expect(await (await fetch(`${url}/healthz`)).text()).toBe('.');
    const without = await servers.spawnHttp({ args: ['--no-rest'] });
    for (const path of ['/healthz', '/api/openapi.json', '/api/v1/sessions']) {
      expect((await send(without.url + path)).status).toBe(404);
    }
  });

  it('is on the host that clients use, or on one of its own', async () => {
    const [same, own] = [await start(), await start({ args: ['--ops-host', '0.0.0.0'] })];
    const host = (url: string) => new URL(url).hostname;
    expect([host(same.url), host(same.opsUrl)]).toEqual(['127.0.0.1', '127.0.0.1']);
    expect([host(own.url), host(own.opsUrl)]).toEqual(['127.0.0.1', '0.0.0.0']);
    const { port } = new URL(own.opsUrl);
    expect((await send(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  });

  it('keeps no connection, and answers beside any number of silent ones', async () => {
    const { opsUrl } = await start();
    const { hostname, port } = new URL(opsUrl);
    const silent: Socket[] = [];
    for (let i = 0; i < 120; i++) {
      const socket = connect(Number(port), hostname);
      silent.push(socket.on('error', () => undefined));
      await once(socket, 'connect');
    }
    const answer = await send(`${opsUrl}/healthz`, { headers: { connection: 'keep-alive' } });
    expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
    for (const socket of silent) socket.destroy();
  });

  it('says that the server is alive and ready, and nothing else', async () => {
    const { opsUrl } = await start();
    for (const path of ['/healthz', '/readyz']) {
      expect(await send(opsUrl + path)).toMatchObject({ status: 200, body: 'ok\n' });
    }
    for (const path of ['/', '/mcp', '/healthz/', '/metrics/x']) {
      expect((await send(opsUrl + path)).status).toBe(404);
    }
    expect((await send(`${opsUrl}/metrics`, { body: 'x' })).status).toBe(405);
  });

  it('tells a server whose store does not answer, within a short time, from one that is dead', async () => {
    const uri = 'mongodb://me:p4ssw0rd-of-mine@127.0.0.1:1/?serverSelectionTimeoutMS=60000';
    const { opsUrl, stderr } = await start({ env: { MONGODB_URI: uri } });
    const { status, body } = await send(`${opsUrl}/readyz`);
    expect(status).toBe(503);
    expect(body).toContain('The store has not answered within 1000 ms.');
    expect(body + stderr()).not.toMatch(/p4ssw0rd|mongodb:/);
    expect((await send(`${opsUrl}/healthz`)).status).toBe(200);
  });

  it('says that the server is not ready while that stops, and still serves', async () => {
    const server = await start({ env: { DRAIN_DELAY: '2s' } });
    await post(server.url, 'add_session', { session_id: 'x' });
    server.signal('SIGTERM');
    await server.logged(/"stopping"/);
    expect(await send(`${server.opsUrl}/readyz`)).toMatchObject({
      status: 503,
      body: 'The server is stopping.\n',
    });
    expect((await send(`${server.opsUrl}/healthz`)).status).toBe(200);
    const answer = await post(server.url, 'get_session', { session_id: 'x' });
    expect(answer.status).toBe(200);
    expect(answer.headers.connection).toBe('close');
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it('that is taken keeps the server from starting, and is named', async () => {
    const { opsUrl } = await start();
    const other = servers.spawn({
      args: ['--http', '--port=0', `--ops-port=${new URL(opsUrl).port}`],
    });
    expect(await other.exited).toEqual({ code: 1, signal: null });
    expect(other.stderr()).toMatch(/^mcp-sessions: .*in use.*--ops-port.*\n$/m);
  });
});

describe('what is measured', () => {
  it('counts calls by tool and outcome, and uses of the store by operation', async () => {
    const { url, opsUrl } = await start();
    for (const id of ['a', 'b', 'b']) await post(url, 'add_session', { session_id: id });
    await post(url, 'no_such_tool');
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'resources/read',
      params: { uri: 'session://a' },
    });
    await send(`${url}/mcp`, { headers: JSON_HEADERS, body });
    await send(`${url}/mcp`, { headers: { ...JSON_HEADERS, host: 'evil.example' }, body });
    const { body: text, headers } = await send(`${opsUrl}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const counted = (method: string, tool: string, outcome: string) =>
      `mcp_sessions_call_duration_seconds_count{method="${method}",tool="${tool}",outcome="${outcome}"}`;
    for (const line of [
      `${counted('tools/call', 'add_session', 'ok')} 2`,
      `${counted('tools/call', 'add_session', 'ALREADY_EXISTS')} 1`,
      `${counted('tools/call', '', 'INVALID_ARGUMENT')} 1`,
      `${counted('resources/read', '', 'ok')} 1`,
      'mcp_sessions_calls_in_flight 0',
      'mcp_sessions_refused_total{reason="http_403"} 1',
      'mcp_sessions_store_duration_seconds_count{operation="sessions.insert",outcome="ok"} 3',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    for (const name of ['nodejs_eventloop_lag_seconds', 'process_resident_memory_bytes']) {
      expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
  });

  it('counts what was purged', async () => {
    const { url, opsUrl } = await start({ env: { PURGE_AFTER: '1s', PURGE_EVERY: '1s' } });
    await post(url, 'add_session', { session_id: 'x' });
    await post(url, 'delete_session', { session_id: 'x' });
    await expect
      .poll(async () => (await send(`${opsUrl}/metrics`)).body, { timeout: 10_000 })
      .toContain('mcp_sessions_purged_total{kind="sessions"} 1\n');
  });

  it('has no label that a caller chose', async () => {
    const { url, opsUrl, stderr } = await start({
      env: { LOG_LEVEL: 'debug', SESSIONS_NAMESPACE: 'of-one-tenant' },
    });
    const calls: [string, object][] = [
      ['add_session', { session_id: SAID, metadata: { [SAID]: SAID } }],
      ['add_session', { session_id: SAID }],
      ['get_session', { session_id: `${SAID}-none` }],
      ['add_memory', { session_id: SAID, messages: [{ role: SAID, content: SAID }] }],
      ['add_memory', { [SAID]: SAID }],
      [SAID, { [SAID]: SAID }],
    ];
    for (const [tool, args] of calls) await post(url, tool, args);
    const read = {
      jsonrpc: '2.0',
      id: SAID,
      method: 'resources/read',
      params: { uri: `session://${SAID}` },
    };
    const headers = { ...JSON_HEADERS, 'x-request-id': SAID, authorization: `Bearer ${SAID}` };
    await send(`${url}/mcp?${SAID}`, { headers, body: JSON.stringify(read) });
    await send(`${url}/mcp`, { headers, body: JSON.stringify({ ...read, method: SAID }) });
    await send(`${url}/${SAID}`, { headers });
    const { body } = await send(`${opsUrl}/metrics`);
    expect(body).toContain('tool="add_memory"');
    expect(body).not.toMatch(/said-by|of-one-tenant|local/);
    expect(stderr()).toContain('"tool":"add_memory"');
    expect(stderr()).not.toContain(SAID);
  });
});

describe('the log of an HTTP server', () => {
  it('has a line for every call, under the name that its sender was told', async () => {
    const { url, stderr } = await start({ env: { SESSIONS_NAMESPACE: 'of-one-tenant' } });
    const answer = await post(url, 'get_session', { session_id: 'none' });
    expect(message(answer).result.isError).toBe(true);
    const lines = stderr()
      .split('\n')
      .filter((line) => line.includes('"message":"call"'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 'info',
        method: 'tools/call',
        tool: 'get_session',
        namespace: 'of-one-tenant',
        outcome: 'NOT_FOUND',
        request_id: answer.headers['x-request-id'],
      },
    ]);
  });

  it('has no lines for calls over stdio, unless they are wanted', async () => {
    for (const [env, lines] of [
      [{}, 0],
      [{ LOG_LEVEL: 'info' }, 1],
    ] as const) {
      const client = await servers.connectStdio('v2', { env });
      await client.callTool('get_session', { session_id: 'none' });
      await client.close();
      expect(client.stderr().split('"message":"call"')).toHaveLength(lines + 1);
    }
  });
});
