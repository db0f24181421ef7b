// Clients that do as little as they can: what is measured is the server, and the SDK's own client
// takes longer for a call than some servers do. They speak JSON-RPC by hand, after a real handshake.

import { connect as connectSocket } from 'node:net';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';
const CLIENT = { name: 'bench', version: '0' };
const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientInfo': CLIENT,
  'io.modelcontextprotocol/clientCapabilities': {},
};

export const INITIALIZE = {
  method: 'initialize',
  params: { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT },
};

const frame = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });

/** Throws unless the text holds a good answer of a tool; reading all of it would take the client's time. */
function check(text) {
  if (!text.includes('"result":') || text.includes('"isError":true')) {
    throw new Error(`That is no good answer: ${text.slice(0, 500)}`);
  }
  return text;
}

/** What a tool answered over stdio, out of the text of its answer. */
export function contentOf(text) {
  const { structuredContent, content } = JSON.parse(text).result;
  return structuredContent ?? content;
}

/** The id of an answer; servers put it at either end. */
function idOf(line) {
  const found =
    /"id":(\d+)\}$/.exec(line.slice(-30)) ?? /^\{"jsonrpc":"2\.0","id":(\d+)/.exec(line);
  return found === null ? JSON.parse(line).id : Number(found[1]);
}

/**
 * Speaks to a server over its stdin and stdout.
 *
 * @returns `call(tool, args)`, which resolves to the text of the answer and rejects for a bad one
 */
export async function stdioClient({ child }) {
  const waiting = new Map();
  let rest = '';
  let nextId = 1;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const id = idOf(line);
      waiting.get(id)?.resolve(line);
      waiting.delete(id);
    }
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The server ended.'));
  });
  const request = (method, params) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      child.stdin.write(`${frame({ id, method, params })}\n`);
    });
  check(await request(INITIALIZE.method, INITIALIZE.params));
  child.stdin.write(`${frame({ method: 'notifications/initialized' })}\n`);
  return {
    call: async (name, args) => check(await request('tools/call', { name, arguments: args })),
    close() {},
  };
}

/** One connection that is kept, on which one request is under way at a time. */
class HttpConnection {
  #socket;
  #text = '';
  #waiting;

  constructor({ hostname, port }) {
    this.#socket = connectSocket(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
    this.#socket.on('data', (chunk) => this.#take(chunk));
    const fail = (error) => this.#waiting?.reject(error ?? new Error('The connection was closed.'));
    this.#socket.on('error', fail).on('close', () => fail());
  }

  /** Servers close connections on which nothing has come for a while. */
  get isOpen() {
    return !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  /** @returns the head and the body of the response */
  send(request) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close() {
    this.#socket.destroy();
  }

  #take(chunk) {
    this.#text += chunk;
    const text = this.#text;
    const headEnd = text.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    const head = text.slice(0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    const complete =
      length === undefined
        ? text.endsWith('0\r\n\r\n')
        : text.length === headEnd + 4 + Number(length);
    if (!complete) return;
    this.#text = '';
    this.#waiting.resolve({ head, body: text.slice(headEnd + 4) });
  }
}

/**
 * Speaks to a server over Streamable HTTP, on as many connections as there are calls under way.
 *
 * @param era `modern` (2026-07-28) or `legacy` (2025-11-25, in the protocol session that the server
 *   opens, if it opens one)
 * @returns the same as `stdioClient`, but for the text
 */
export async function httpClient({ url }, era) {
  const pool = connectionPool(url);
  const version = era === 'modern' ? MODERN : LEGACY;
  let nextId = 1;
  let session = '';

  function post(message, headers = '') {
    const body = frame(message);
    return pool.send(
      `POST ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\nmcp-protocol-version: ${version}\r\n${session}${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  }

  if (era === 'legacy') {
    const { head, body } = await post({ id: nextId++, ...INITIALIZE });
    check(body);
    const id = /\r\nmcp-session-id: *(\S+)/i.exec(head)?.[1];
    if (id !== undefined) session = `mcp-session-id: ${id}\r\n`;
    await post({ method: 'notifications/initialized' });
  }
  return {
    async call(name, args) {
      const modern = era === 'modern';
      const params = { name, arguments: args, ...(modern && { _meta: MODERN_META }) };
      const headers = modern ? `mcp-method: tools/call\r\nmcp-name: ${name}\r\n` : '';
      const { body } = await post({ id: nextId++, method: 'tools/call', params }, headers);
      check(body);
    },
    close: pool.close,
  };
}

/**
 * Speaks to the REST API of a server.
 *
 * @returns `get(path)`, which resolves to the body of the answer and rejects for another status than 200
 */
export function restClient({ url }) {
  const pool = connectionPool(url);
  return {
    async get(path) {
      const request = `GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\naccept: application/json\r\n\r\n`;
      const { head, body } = await pool.send(request);
      if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(`That is no good answer: ${head}`);
      return body;
    },
    close: pool.close,
  };
}

/** As many connections as there are requests under way. */
function connectionPool(url) {
  const free = [];
  return {
    async send(request) {
      let connection = free.pop();
      while (connection?.isOpen === false) connection = free.pop();
      connection ??= new HttpConnection(url);
      try {
        return await connection.send(request);
      } finally {
        free.push(connection);
      }
    },
    close() {
      for (const connection of free) connection.close();
    },
  };
}

/**
 * Makes calls, a few at a time.
 *
 * @param call makes the call with a number, from `from` to just below `to`
 */
export async function callEach(from, to, callers, call) {
  let next = from;
  const caller = async () => {
    while (next < to) await call(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

/**
 * Lets callers call for a while, each as soon as it has its answer.
 *
 * @param call makes one call
 * @param ms for how long, in milliseconds
 * @returns calls per second
 */
export async function drive(call, callers, ms) {
  const started = performance.now();
  const end = started + ms;
  let calls = 0;
  const caller = async () => {
    while (performance.now() < end) {
      await call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return (calls / (performance.now() - started)) * 1000;
}
