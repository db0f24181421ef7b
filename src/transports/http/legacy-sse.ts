import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  type RequestId,
} from '@modelcontextprotocol/server';
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse';
import { type InFlight, trackInFlight } from '../in-flight.ts';
import { whenRead } from '../stdio/back-pressure.ts';
import type { Endpoint, EndpointOptions, Identity } from '../transport.ts';
import { readJson } from './body.ts';
import { type OpenStream, Streams } from './event-streams.ts';
import { HttpError } from './http-error.ts';
import { assertMethod } from './http-methods.ts';
import type { Lease } from './rate-limiter.ts';

/** Where clients post to; the connection's identifier is in the query. */
export const SSE_MESSAGES_PATH = '/messages';

/** Proxies close connections that are silent for longer. */
const KEEP_ALIVE_MS = 15_000;

interface Connection {
  transport: SSEServerTransport;
  pending: InFlight;
  /** What the calls take that are not answered. */
  leases: Map<RequestId, Lease>;
  /** How many bytes the client has not read yet. */
  unread(): number;
  stream: OpenStream;
  close(): Promise<void>;
}

/**
 * HTTP+SSE, the transport of protocol version 2024-11-05, for clients that know no other: a GET
 * opens the stream of answers, and calls are posted beside it.
 */
export function legacySse(options: Omit<EndpointOptions, 'changes'>): Endpoint {
  const { createServer, rateLimiter, messageMax, logger } = options;
  const connections = new Map<string, Connection>();
  const streams = new Streams(logger);

  async function open(response: ServerResponse, identity: Identity): Promise<void> {
    const { credential } = identity.caller;
    rateLimiter.lease(credential).release();
    const leave = rateLimiter.openStream(credential);
    const leases = new Map<RequestId, Lease>();
    const server = createServer(
      {
        era: 'legacy',
        updates: 'server',
        hold: (id) => leases.get(id)?.hold(),
        whenRead: () => whenRead(response),
      },
      identity.caller,
    );
    const transport = new SSEServerTransport(SSE_MESSAGES_PATH, response);
    const pending = trackInFlight(transport);
    server.onerror = (error) => logger.debug('sse', { error });
    const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    const close = () => server.close();
    const stream: OpenStream = { identity, end: () => void close() };
    const release = streams.keep(stream);
    const unread = () => response.writableLength;
    connections.set(transport.sessionId, { transport, pending, leases, unread, stream, close });
    response.on('close', () => {
      leave();
      release();
      pending.settleAll();
      clearInterval(keepAlive);
      connections.delete(transport.sessionId);
    });
    await server.connect(transport);
  }

  async function post(
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
  ): Promise<void> {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const connection = connections.get(searchParams.get('sessionId') ?? '');
    // A connection of somebody else is answered as if there were none.
    if (connection === undefined || !isSame(connection.stream.identity, identity)) {
      throw new HttpError(404, 'There is no such connection. Open one with GET /sse.');
    }
    if (connection.unread() > messageMax) {
      const message =
        'Too much of what was answered has not been read. Read it, then repeat the call.';
      throw new HttpError(429, message, { 'retry-after': '1' }, 'unread');
    }
    connection.stream.identity = identity;
    const lease = rateLimiter.lease(identity.caller.credential);
    try {
      const message = oneMessage((await readJson(request, messageMax, lease)).json);
      // What is no call can always be said, above all that a call is taken back.
      lease.acquire('method' in message && 'id' in message ? 1 : 0);
      await deliver(connection, message, lease);
      response.writeHead(202).end('Accepted');
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  return {
    async handle(request, response, identity) {
      const posts = request.url?.startsWith(SSE_MESSAGES_PATH) === true;
      assertMethod(request.method, posts ? 'POST' : 'GET');
      return posts ? post(request, response, identity) : open(response, identity);
    },
    async drained(timeout) {
      const all = [...connections.values()].map(({ pending }) => pending.drained(timeout));
      return (await Promise.all(all)).every(Boolean);
    },
    async close() {
      await Promise.all([...connections.values()].map(({ close }) => close()));
    },
  };
}

/** The SDK refuses what is no message in words of the message itself, and fails where it has none. */
function oneMessage(json: unknown): JSONRPCMessage {
  try {
    return parseJSONRPCMessage(json);
  } catch {
    throw noMessage();
  }
}

function noMessage(): HttpError {
  return new HttpError(400, 'The body is no message of JSON-RPC 2.0. Send one, and no batch.');
}

/**
 * Hands a message to the server of a connection. Its answer comes on the stream, later than the
 * response to the request that it came with, and until then the lease goes on.
 */
async function deliver(
  { transport, pending, leases }: Connection,
  message: JSONRPCMessage,
  lease: Lease,
): Promise<void> {
  const id = 'method' in message && 'id' in message ? message.id : undefined;
  const leave = () => {
    lease.release();
    if (id !== undefined && leases.get(id) === lease) leases.delete(id);
  };
  if (id !== undefined) leases.set(id, lease);
  try {
    await transport.handleMessage(message);
  } catch {
    leave();
    throw noMessage();
  }
  if (id === undefined) leave();
  else pending.whenSettled(id, leave);
}

/** Whether two requests come from one caller who may do the same: a renewed credential may go on. */
function isSame({ caller: a }: Identity, { caller: b }: Identity): boolean {
  return (
    a.credential === b.credential &&
    a.namespace === b.namespace &&
    a.user_id === b.user_id &&
    a.scopes.length === b.scopes.length &&
    a.scopes.every((scope) => b.scopes.includes(scope))
  );
}
