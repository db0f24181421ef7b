import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { MODERN } from '../support/clients.ts';
import { lockFile } from '../support/file-lock.ts';
import { type MongodBinary, startMongod } from '../support/mongod.ts';
import { type Answer, callBody, JSON_HEADERS, post, SseStream, send } from '../support/raw-http.ts';
import { MODERN_META, RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

let servers: Servers;
let file: string;
beforeEach(async () => {
  servers = await Servers.open();
  file = join(servers.directory, 'sessions.db');
});
afterEach(() => servers.close());

/** A way in: makes a call that the locked file keeps from ending, and gives it up when told to. */
interface Way {
  call(id: number, signal?: AbortSignal): Promise<Answer | Response>;
  cancel?(id: number): Promise<Answer>;
  close?(): void;
}

const args = (id: number) => ({ session_id: `s${id}` });

const WAYS: Record<string, (url: string) => Way | Promise<Way>> = {
  'Streamable HTTP in the older era': (url) => ({
    call: (id, signal) =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        headers: JSON_HEADERS,
        body: callBody('add_session', args(id)),
        ...(signal && { signal }),
      }),
  }),
  'Streamable HTTP in the older era, with progress': (url) => ({
    call: (id, signal) =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        headers: JSON_HEADERS,
        body: callBody('add_session', args(id), { progressToken: id }),
        ...(signal && { signal }),
      }),
  }),
  'Streamable HTTP in the modern era': (url) => ({
    call: (id, signal) =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        headers: {
          ...JSON_HEADERS,
          'mcp-protocol-version': MODERN,
          'mcp-method': 'tools/call',
          'mcp-name': 'add_session',
        },
        body: callBody('add_session', args(id), MODERN_META),
        ...(signal && { signal }),
      }),
  }),
  REST: (url) => ({
    call: (id, signal) =>
      fetch(`${url}/api/v2/sessions`, {
        method: 'POST',
        body: JSON.stringify(args(id)),
        ...(signal && { signal }),
      }),
  }),
  'HTTP+SSE': async (url) => {
    const stream = await SseStream.open(url);
    const tell = (body: object) =>
      send(stream.endpoint, {
        headers: JSON_HEADERS,
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      });
    return {
      call: (id) =>
        tell({ id, method: 'tools/call', params: { name: 'add_session', arguments: args(id) } }),
      cancel: (id) => tell({ method: 'notifications/cancelled', params: { requestId: id } }),
      close: () => stream.close(),
    };
  },
};

describe.each(Object.entries(WAYS))('over %s, a call', (_, open) => {
  async function start(env: Record<string, string>) {
    const server = await servers.spawnObserved({
      env: { SESSIONS_DB: file, CALLS_AT_ONCE: '2', ...env },
    });
    await post(server.url, 'add_session', { session_id: 'known' });
    const inFlight = async () => {
      const { body } = await send(`${server.opsUrl}/metrics`);
      return Number(/^mcp_sessions_calls_in_flight (\d+)$/m.exec(body)?.[1]);
    };
    const status = async () => (await post(server.url, 'list_sessions')).status;
    return { url: server.url, inFlight, status, way: await open(server.url) };
  }

  it('that is answered since it takes too long keeps its place until its work has ended', async () => {
    const { inFlight, status, way } = await start({ CALL_TIMEOUT: '1s' });
    const lock = lockFile(file);
    const calls = [1, 2].map((id) => way.call(id));
    await expect.poll(inFlight).toBe(2);
    await expect.poll(inFlight, { timeout: 5000 }).toBe(0);
    await Promise.all(calls);
    expect(await status()).toBe(429);
    lock.release();
    await expect.poll(status, { timeout: 10_000 }).toBe(200);
    way.close?.();
  });

  it('whose caller has gone, or takes it back, keeps its place until its work has ended', async () => {
    const { inFlight, status, way } = await start({});
    const lock = lockFile(file);
    const gone = new AbortController();
    const calls = [1, 2].map((id) => way.call(id, gone.signal).catch(() => undefined));
    await expect.poll(inFlight).toBe(2);
    gone.abort();
    if (way.close !== undefined) {
      await Promise.all(calls);
      way.close();
    }
    await expect.poll(inFlight, { timeout: 5000 }).toBe(0);
    expect(await status()).toBe(429);
    lock.release();
    await expect.poll(status, { timeout: 10_000 }).toBe(200);
  });
});

describe('over HTTP+SSE, a call', () => {
  it('can be taken back while all places are taken, and keeps its own', async () => {
    const env = { SESSIONS_DB: file, CALLS_AT_ONCE: '2' };
    const { url } = await servers.spawnHttp({ env });
    await post(url, 'add_session', { session_id: 'known' });
    const way = await (WAYS['HTTP+SSE'] as (url: string) => Promise<Way>)(url);
    const lock = lockFile(file);
    // Both under one identifier, which a client should not do, and which gains it nothing.
    expect((await way.call(1)).status).toBe(202);
    expect((await way.call(1)).status).toBe(202);
    expect((await way.cancel?.(1))?.status).toBe(202);
    expect((await way.call(2)).status).toBe(429);
    lock.release();
    await expect.poll(async () => (await way.call(2)).status, { timeout: 10_000 }).toBe(202);
    way.close?.();
  });
});

const mongod = inject('mongod');
const missing = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

describe.skipIf(mongod === null)(`with a MongoDB that hangs, a call${missing}`, () => {
  it('keeps its place until the driver has let go, though the store has answered', async () => {
    const database = await startMongod(mongod as MongodBinary);
    const env = { MONGODB_URI: database.uri, CALLS_AT_ONCE: '4' };
    const { url } = await servers.spawnHttp({ env });
    const read = () => post(url, 'get_session', { session_id: 'known' });
    await post(url, 'add_session', { session_id: 'known' });
    process.kill(database.pid, 'SIGSTOP');
    for (const { body } of await Promise.all(Array.from({ length: 4 }, read))) {
      expect(body).toContain('UNAVAILABLE');
    }
    for (let i = 0; i < 3; i++) expect((await read()).status).toBe(429);
    process.kill(database.pid, 'SIGCONT');
    await expect.poll(async () => (await read()).status, { timeout: 20_000 }).toBe(200);
    await database.stop();
  });
});

describe('over stdio', () => {
  it('no more calls are under way than may be, whether or not they are answered', async () => {
    const raw = new RawStdio(
      servers.spawn({
        env: { SESSIONS_DB: file, CALLS_AT_ONCE: '2', CALL_TIMEOUT: '1s', LOG_LEVEL: 'info' },
      }),
    );
    await raw.initialize();
    await raw.call('add_session', { session_id: 'known' });
    const lock = lockFile(file);
    const late = [1, 2].map((id) => raw.call('add_session', args(id)));
    for (const { structuredContent } of await Promise.all(late)) {
      expect(structuredContent.error.code).toBe('UNAVAILABLE');
    }
    let answered = false;
    const waiting = raw.call('list_sessions', {}).then((result) => {
      answered = true;
      return result;
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(answered).toBe(false);
    lock.release();
    expect((await waiting).isError).toBeUndefined();
  });
});
