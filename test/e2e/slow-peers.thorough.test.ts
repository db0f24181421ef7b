import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callBody, JSON_HEADERS, message, post, send } from '../support/raw-http.ts';
import { type ObservedServer, Servers } from '../support/server-process.ts';

const MEGABYTE = 1024 * 1024;

/** Side by side, since all of them wait. */
describe.concurrent('a peer that does not do its part', () => {
  let servers: Servers;
  let server: ObservedServer;
  beforeAll(async () => {
    servers = await Servers.open();
    server = await servers.spawnObserved({ env: { MESSAGE_MAX: '2MiB' } });
    await post(server.url, 'add_memory', {
      session_id: 'long',
      messages: [{ role: 'user', content: 'x'.repeat(MEGABYTE) }],
    });
  });
  afterAll(() => servers?.close());

  function open(): { socket: Socket; received: () => string; closed: Promise<unknown> } {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (part) => {
      text += String(part);
    });
    return { socket, received: () => text, closed: once(socket, 'close') };
  }

  const head = (lines: Record<string, string | number>) =>
    `POST /mcp HTTP/1.1\r\n${Object.entries({ ...JSON_HEADERS, host: 'localhost', ...lines })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`;

  it('is hung up on when it connects and says nothing', async () => {
    const { closed } = open();
    const started = performance.now();
    await closed;
    // The server waits 10 s for a head, and looks once a second: measured are 10 to 11.
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('is hung up on when the head of its request does not end', async () => {
    const { socket, received, closed } = open();
    const bytes = head({}).slice(0, -2);
    for (let sent = 0; !socket.destroyed && sent < bytes.length; sent++) {
      socket.write(bytes[sent] as string);
      await delay(100);
    }
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is answered 408 when its body does not go on', async () => {
    const { socket, received, closed } = open();
    socket.write(`${head({ 'content-length': 1000 })}{`);
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 408 /);
    expect(received()).toContain('too slowly');
  });

  it('may send a long body slowly, as long as it goes on', async () => {
    const { socket, received, closed } = open();
    const body = callBody('get_session', { session_id: 'long' }).padEnd(100_000);
    socket.write(head({ 'content-length': body.length, connection: 'close' }));
    for (let sent = 0; sent < body.length; sent += 10_000) {
      socket.write(body.slice(sent, sent + 10_000));
      await delay(1200);
    }
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('gets no more answers when it does not read those it has, and is then hung up on', async () => {
    const { socket } = open();
    socket.write('GET /sse HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const [begin] = await once(socket, 'data');
    socket.pause();
    const path = /data: (\S+)/.exec(String(begin))?.[1] as string;
    const list = await post(server.url, 'list_messages', { session_id: 'long' });
    const [{ uuid }] = message(list).result.structuredContent.messages;
    const params = { uri: `session://long/messages/${uuid}` };
    const read = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'resources/read', params });
    const ask = () => send(server.url + path, { headers: JSON_HEADERS, body: read });
    let answer = await ask();
    for (let asked = 1; answer.status === 202 && asked < 100; asked++) answer = await ask();
    expect(answer.status).toBe(429);
    expect(message(answer).error.message).toContain('has not been read');
    await expect
      .poll(async () => (await ask()).status, { timeout: 60_000, interval: 1000 })
      .toBe(404);
    socket.destroy();
  });
});
