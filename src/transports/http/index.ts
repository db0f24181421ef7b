import { randomUUID } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../domain/logger.ts';
import type { HttpLimits } from '../limits.ts';
import type { CreateServer, ListenToChanges, SignIn, Transport } from '../transport.ts';
import { limitConnections } from './connection-limit.ts';
import { createHostGuard } from './dns-rebinding.ts';
import { HttpError } from './http-error.ts';
import { assertMethod, refuseConnect } from './http-methods.ts';
import { legacySse, SSE_MESSAGES_PATH } from './legacy-sse.ts';
import { RateLimiter } from './rate-limiter.ts';
import { normalizeTarget } from './request-target.ts';
import { streamableHttp } from './streamable-http.ts';

export interface HttpOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Host names to answer to, beside `localhost` and addresses. */
  allowedHosts: readonly string[];
  createServer: CreateServer;
  signIn: SignIn;
  /** The address that clients know this server by, if it is not the one that is bound. */
  publicUrl: string | undefined;
  changes: ListenToChanges;
  limits: HttpLimits;
  /** How long it goes on serving once it is told to stop, in milliseconds. */
  drainDelay: number;
  /** Hears why a request was refused, in one of few words. */
  onRefused(reason: string): void;
  logger: Logger;
}

export interface HttpTransport extends Transport {
  /** Where clients connect. */
  url: string;
  /** How many connections and event streams are open, and how many bytes of bodies are held. */
  held(): { connections: number; streams: number; bodies: number };
  /** Why nobody can sign in at the moment, in words that anybody may read, if so. */
  signInObstacle(): Promise<string | undefined>;
}

/** How long a request may take to arrive, and its head, which a silent connection never sends. */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_TIMEOUTS_EVERY_MS = 1000;

/** Longer than the idle time-out of common load balancers, so that it is never we who hang up. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/**
 * Serves MCP over HTTP: Streamable HTTP at `/mcp`, HTTP+SSE at `/sse`.
 *
 * @returns the transport, and the address that clients connect to
 * @throws the system's error when the address cannot be bound
 */
export async function serveOverHttp(options: HttpOptions): Promise<HttpTransport> {
  const { logger, signIn, limits } = options;
  const guard = createHostGuard([options.host, ...options.allowedHosts]);
  const rateLimiter = new RateLimiter(limits);
  const { messageMax } = limits;
  const mcp = streamableHttp({ ...options, rateLimiter, messageMax });
  const sse = legacySse({ ...options, rateLimiter, messageMax });
  const endpoints = new Map([
    ['/mcp', mcp],
    ['/sse', sse],
    [SSE_MESSAGES_PATH, sse],
  ]);
  let stopping = false;
  let closing = false;
  let origin = options.publicUrl ?? '';

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader('x-request-id', requestId);
    if (stopping) response.setHeader('connection', 'close');
    normalizeTarget(request);
    const refusal = guard(request.headers.host, request.headers.origin);
    if (refusal !== undefined) throw new HttpError(403, refusal);
    if (closing) throw new HttpError(503, 'The server is stopping. Repeat the call shortly.');
    const [path = ''] = (request.url ?? '').split('?');
    const endpoint = endpoints.get(path);
    const metadata = endpoint === undefined ? signIn.metadata(path, origin) : undefined;
    if (metadata !== undefined) {
      assertMethod(request.method, 'GET', 'HEAD');
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
      return;
    }
    if (endpoint === undefined) {
      throw new HttpError(
        404,
        'There is nothing here. MCP is at /mcp, or at /sse for old clients.',
      );
    }
    const identity = await signIn.authenticate(request, origin);
    connections.admit(response);
    // Whoever has gone meanwhile is not heard of again.
    if (!response.destroyed) await endpoint.handle(request, response, identity, requestId);
  }

  const http = createHttpServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (request, response) => {
      // Node gives the socket to the first of several requests; of the others' responses it never says
      // that they are closed, and what they hold would be held for ever.
      if (response.socket === null) {
        options.onRefused('pipelined');
        request.socket.destroy();
        return;
      }
      route(request, response).catch((error: unknown) => {
        if (error instanceof HttpError) options.onRefused(error.reason);
        refuse(response, error, messageMax, logger);
      });
    },
  );
  const connections = limitConnections(http, limits.connectionsMax);
  refuseConnect(http, options.onRefused);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port, options.host, resolve);
  });

  const { address, port, family } = http.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  origin = options.publicUrl ?? url;
  return {
    url,
    ended: new Promise(() => {}),
    held: () => ({ connections: connections.count(), ...rateLimiter.held }),
    signInObstacle: () => signIn.obstacle(),
    async close(grace) {
      stopping = true;
      await delay(options.drainDelay);
      closing = true;
      const closed = new Promise((resolve) => http.close(resolve));
      const drained = await Promise.all([mcp.drained(grace), sse.drained(grace)]);
      await Promise.all([mcp.close(), sse.close()]);
      // A connection becomes idle only once its last answer has left the process.
      const sweeping = setInterval(() => http.closeIdleConnections(), 10);
      const forced = setTimeout(() => http.closeAllConnections(), 500);
      await closed;
      clearTimeout(forced);
      clearInterval(sweeping);
      return drained.every(Boolean);
    },
  };
}

/**
 * Answers with a JSON-RPC error that echoes nothing of the request.
 *
 * @param discardMax how many bytes of a body that was not read yet are read to no end
 */
function refuse(
  response: ServerResponse,
  error: unknown,
  discardMax: number,
  logger: Logger,
): void {
  const known = error instanceof HttpError;
  if (!known) logger.error('http', { error });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const message = known ? error.message : 'The server failed. Its log says more.';
  // Who may come back soon keeps the connection, on which Node discards what is left of the body.
  const keeps = (status === 429 || status === 503) && lengthOf(response.req) <= discardMax;
  response.writeHead(status, {
    ...(known && error.headers),
    'content-type': 'application/json',
    ...(!keeps && { connection: 'close' }),
  });
  const code = status === 400 ? -32700 : -32000;
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
}

/** How many bytes a body has that may not have been read, as far as it says so. */
function lengthOf({ complete, headers }: IncomingMessage): number {
  if (complete) return 0;
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}
