// Attacks an HTTP server, in a process of its own: node attacker.mjs URL KIND. Says "attacking" on
// stdout once it is at it, goes on until it is killed, and minds no answer.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const [, , address, kind] = process.argv;
const { hostname, port } = new URL(address);

const MEGABYTE = 1024 * 1024;
const head = (path, headers = {}, method = 'POST') =>
  `${method} ${path} HTTP/1.1\r\n${Object.entries({
    host: 'localhost',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...headers,
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
const call = (args) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add_session","arguments":${args}}}`;
const post = (body, headers) =>
  head('/mcp', { 'content-length': Buffer.byteLength(body), ...headers }) + body;
const rest = (path, body) =>
  head(`/api/${path}`, { 'content-length': Buffer.byteLength(body) }) + body;
const nested = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;

/** What a connection of each kind of attack sends: it is opened anew whenever it is closed. */
const ATTACKS = {
  /** Connects and says nothing. */
  silent: { connections: 10_000, send: () => [] },
  /** Sends the head of a request, a byte at a time, and never comes to its end. */
  'slow-heads': { connections: 500, every: 500, send: () => [...head('/mcp').slice(0, -2)] },
  /** The same with a body. */
  'slow-bodies': {
    connections: 500,
    every: 500,
    send: () => [head('/mcp', { 'content-length': 1000 }), ...'x'.repeat(999)],
  },
  /** Bodies beyond the limit, one after the other. */
  oversized: {
    connections: 4,
    every: 20,
    send: () => {
      const part = Buffer.alloc(MEGABYTE, ' ');
      return [head('/mcp', { 'content-length': 70 * MEGABYTE }), ...Array(70).fill(part)];
    },
  },
  /** Long bodies where none is read, two of them where nobody has to sign in. */
  unread: {
    connections: 4,
    every: 1,
    send: () => {
      const lines = [
        'GET /healthz',
        'GET /api/openapi.json',
        'DELETE /api/v2/users/x',
        'GET /api/v1/user',
      ];
      const [method, path] = lines[turn++ % 4].split(' ');
      const part = Buffer.alloc(MEGABYTE, ' ');
      return [head(path, { 'content-length': 1e5 * MEGABYTE }, method), ...Array(1e5).fill(part)];
    },
  },
  /** Requests to REST that are wrong in all ways. */
  'malformed-rest': {
    connections: 20,
    every: 200,
    pick: (turn) =>
      [
        () => rest('v1/sessions', '{'),
        () => rest('v2/sessions', `{"session_id":"x","metadata":${nested(90_000)}}`),
        () => rest('v1/sessions/x/memory', `{"messages":[${'{},'.repeat(150_000)}{}]}`),
        () =>
          rest('v2/sessions/x/memory', `{"messages":${JSON.stringify(`[${'{},'.repeat(1e5)}0]`)}}`),
        () => rest('v2/sessions/search', `{"text":"x","session_ids":[${'"x",'.repeat(1e5)}"x"]}`),
        () => rest('v1/sessions', '['.repeat(4 * MEGABYTE)),
        () => rest('v2/users', '{"user_id":"x","user_id":2,"__proto__":{"user_id":"x"}}'),
        () => rest(`v1/sessions/${'%00'.repeat(5000)}/memory`, '{}'),
        () => rest(`v1/sessions/${'/messages/'.repeat(1500)}`, '{}'),
        () =>
          head('/api/v2/sessions', { 'transfer-encoding': 'chunked' }) + '1\r\n \r\n'.repeat(1e5),
        () => head(`/api/v1/sessions?${'limit=x&'.repeat(1800)}`, {}, 'GET'),
        () => head('/api/v1/sessions', { origin: 'http://evil.example' }, 'PATCH'),
        () => head('/healthz', { host: 'evil.example' }, 'GET'),
      ][turn % 13](),
  },
  /** Requests that are wrong in all ways, among them those that make work of their parsing. */
  malformed: {
    connections: 20,
    every: 200,
    pick: (turn) =>
      [
        () => post('{'),
        () => post('\0'.repeat(100_000)),
        () => post(call(nested(90_000))),
        () => post('['.repeat(4 * MEGABYTE)),
        () => post(`[${'{},'.repeat(MEGABYTE)}0]`),
        () => post(call('{"session_id":1,"session_id":2,"__proto__":{"session_id":"x"}}')),
        () => post(call('{}'), { host: 'evil.example' }),
        () => post(call('{}'), { origin: 'http://evil.example' }),
        () => post(call('{}'), { host: 'localhost\r\nhost: evil.example' }),
        () => head('/mcp', { 'transfer-encoding': 'chunked' }) + '1\r\n \r\n'.repeat(150_000),
        () => 'GET / HTTP/9.9\r\n\r\n',
        () => '\x16\x03\x01'.repeat(1000),
        () => `GET /mcp HTTP/1.1\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`,
      ][turn % 13](),
  },
};

const attack = ATTACKS[kind];
let turn = 0;

async function one() {
  for (;;) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {}).resume();
    const closed = once(socket, 'close').catch(() => {});
    await Promise.race([once(socket, 'connect').catch(() => {}), closed]);
    opened += 1;
    if (opened === attack.connections) process.stdout.write('attacking\n');
    const parts = attack.pick === undefined ? attack.send() : [attack.pick(turn++)];
    for (const part of parts) {
      if (socket.destroyed) break;
      if (!socket.write(part)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
      await delay(attack.every);
    }
    if (attack.pick !== undefined)
      await Promise.race([closed, delay(1000)]).then(() => socket.destroy());
    else await closed;
    await delay(100);
  }
}

let opened = 0;
for (let i = 0; i < attack.connections; i++) {
  void one();
  // As fast as the server accepts them, but not all in one blow.
  if (i % 100 === 99) await delay(10);
}
