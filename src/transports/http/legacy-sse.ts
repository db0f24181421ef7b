import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/server';
import { SSEServerTransport } from '@modelcontextprotocol/server-legacy/sse';
import { NO_BATCHES } from '../batch.ts';
import { type InFlight, trackInFlight } from '../in-flight.ts';
import { isRequest, readMessage } from '../json-rpc.ts';
import { whenRead } from '../stdio/back-pressure.ts';
import type { Endpoint, EndpointOptions, Identity } from '../transport.ts';
import { assertAcceptsStream } from './accept.ts';
import { readJson } from './body.ts';
import { StreamWatcher, type WatchedStream } from './event-streams.ts';
import { HttpError, InvalidMessage, invalidBody } from './http-error.ts';
import { assertMethod } from './http-methods.ts';
import type { Permit } from './rate-limiter.ts';

/** The path that clients post messages to. The query names the connection. */
export const SSE_MESSAGES_PATH = '/messages';

/** Proxies close connections that are silent for longer than this. */
const KEEP_ALIVE_MS = 15_000;

interface Connection {
  transport: SSEServerTransport;
  inFlight: InFlight;
  /** The permits of the calls in flight. */
  permits: Map<RequestId, Permit>;
  /** The number of bytes written to the stream that the client has not read yet. */
  unread(): number;
  stream: WatchedStream;
  close(): Promise<void>;
}

/**
 * HTTP+SSE, the transport of protocol version 2024-11-05, for clients that support no other. A GET
 * opens the event stream that carries the responses; messages are posted to a second path.
 */
export function legacySse(options: Omit<EndpointOptions, 'changes'>): Endpoint {
  const { createServer, rateLimiter, messageMax, logger } = options;
  const connections = new Map<string, Connection>();
  const streamWatcher = new StreamWatcher(logger);

  async function open(response: ServerResponse, identity: Identity): Promise<void> {
    const { credential } = identity.caller;
    rateLimiter.permit(credential).release();
    const releaseStream = rateLimiter.openStream(credential);
    const permits = new Map<RequestId, Permit>();
    const server = createServer(
      {
        era: 'legacy',
        updates: 'server',
        hold: (id) => permits.get(id)?.hold(),
        whenRead: () => whenRead(response),
      },
      identity.caller,
    );
    // Proxies deliver each event at once, as the SDK asks them to for its other streams.
    response.setHeader('x-accel-buffering', 'no');
    const transport = new SSEServerTransport(SSE_MESSAGES_PATH, response);
    const inFlight = trackInFlight(transport);
    server.onerror = (error) => logger.debug('sse', { error });
    const keepAlive = setInterval(() => response.write(': keep-alive\n\n'), KEEP_ALIVE_MS);
    const close = () => server.close();
    const stream: WatchedStream = { identity, end: () => void close() };
    const unwatch = streamWatcher.watch(stream);
    const unread = () => response.writableLength;
    connections.set(transport.sessionId, { transport, inFlight, permits, unread, stream, close });
    response.on('close', () => {
      releaseStream();
      unwatch();
      inFlight.settleAll();
      clearInterval(keepAlive);
      connections.delete(transport.sessionId);
    });
    await server.connect(transport);
  }

  async function handlePost(
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
  ): Promise<void> {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const connection = connections.get(searchParams.get('sessionId') ?? '');
    // Another caller's connection is answered as if it did not exist.
    if (connection === undefined || !isSameCaller(connection.stream.identity, identity)) {
      throw new HttpError(404, 'There is no such connection. Open one with GET /sse.');
    }
    if (connection.unread() > messageMax) {
      const message =
        'Too much of what was answered has not been read. Read it, then repeat the call.';
      throw new HttpError(429, message, { 'retry-after': '1' }, 'unread');
    }
    connection.stream.identity = identity;
    const permit = rateLimiter.permit(identity.caller.credential);
    try {
      const message = parseMessage((await readJson(request, messageMax, permit)).json);
      // Notifications and responses need no permit; above all, cancelling must always be possible.
      permit.acquire(isRequest(message) ? 1 : 0);
      await deliver(connection, message, permit);
      response.writeHead(202).end('Accepted');
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  return {
    async handle(request, response, identity) {
      const posts = request.url?.startsWith(SSE_MESSAGES_PATH) === true;
      assertMethod(request.method, posts ? 'POST' : 'GET');
      if (posts) return handlePost(request, response, identity);
      assertAcceptsStream(request.headers.accept);
      return open(response, identity);
    },
    async drained(timeoutMs) {
      const drains = [...connections.values()].map(({ inFlight }) => inFlight.drained(timeoutMs));
      return (await Promise.all(drains)).every(Boolean);
    },
    async close() {
      await Promise.all([...connections.values()].map(({ close }) => close()));
    },
  };
}

/** Reads one JSON-RPC message. This transport is older than batches. */
function parseMessage(json: unknown): JSONRPCMessage {
  if (Array.isArray(json)) throw invalidBody(NO_BATCHES);
  const read = readMessage(json);
  if ('invalid' in read) throw new InvalidMessage(read.invalid);
  return read.message;
}

/**
 * Passes a message to the server of a connection. A call is answered on the stream, after the
 * response to its POST, and keeps its permit until then.
 */
async function deliver(
  { transport, inFlight, permits }: Connection,
  message: JSONRPCMessage,
  permit: Permit,
): Promise<void> {
  const id = isRequest(message) ? message.id : undefined;
  const releaseLease = () => {
    permit.release();
    if (id !== undefined && permits.get(id) === permit) permits.delete(id);
  };
  if (id !== undefined) permits.set(id, permit);
  try {
    await transport.handleMessage(message);
  } catch {
    // The SDK of this transport knows fewer kinds of messages.
    releaseLease();
    throw invalidBody('The body is no message of this protocol version.');
  }
  if (id === undefined) releaseLease();
  else inFlight.whenSettled(id, releaseLease);
}

/**
 * Whether two identities are the same caller with the same rights. A renewed credential may
 * continue.
 */
function isSameCaller({ caller: a }: Identity, { caller: b }: Identity): boolean {
  return (
    a.credential === b.credential &&
    a.namespace === b.namespace &&
    a.user_id === b.user_id &&
    a.scopes.length === b.scopes.length &&
    a.scopes.every((scope) => b.scopes.includes(scope))
  );
}
