import { randomUUID } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../domain/logger.ts';
import type { Rest, RestAnswer } from '../../rest/index.ts';
import type { HttpLimits } from '../limits.ts';
import type { CreateServer, ListenToChanges, SignIn, Transport } from '../transport.ts';
import { closeIfLong, unreadLength } from './body.ts';
import { answerClientErrors } from './client-error.ts';
import { limitConnections } from './connection-limit.ts';
import { createCors } from './cors.ts';
import { createHostGuard } from './dns-rebinding.ts';
import { escapeResponse } from './escaped-response.ts';
import { HttpError, InvalidMessage } from './http-error.ts';
import { assertMethod, refuseConnect } from './http-methods.ts';
import { legacySse, SSE_MESSAGES_PATH } from './legacy-sse.ts';
import { RateLimiter } from './rate-limiter.ts';
import { normalizeTarget } from './request-target.ts';
import { restEndpoint, VERSION_HEADER } from './rest.ts';
import { streamableHttp } from './streamable-http.ts';

export interface HttpOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** Accepted host names, in addition to `localhost` and IP addresses. */
  allowedHosts: readonly string[];
  /** Origins whose pages may call this server, as browsers write them; `*` allows all. */
  allowedOrigins: readonly string[];
  createServer: CreateServer;
  /** The REST API, if it is served. */
  rest: Rest | undefined;
  signIn: SignIn;
  /** The origin under which clients reach this server, if it differs from the bound address. */
  publicUrl: string | undefined;
  changes: ListenToChanges;
  limits: HttpLimits;
  /** How long to keep serving after a stop signal, in milliseconds. */
  drainDelay: number;
  /** Called with the reason of each refused request: one of a small, fixed set of labels. */
  onRefused(reason: string): void;
  logger: Logger;
}

export interface HttpTransport extends Transport {
  /** The URL of the bound address. */
  url: string;
  /**
   * The number of open connections and event streams, and the bytes of request bodies that are
   * held.
   */
  held(): { connections: number; streams: number; bodies: number };
  /** The reason why nobody can sign in at the moment, or `undefined`. It is safe to publish. */
  signInObstacle(): Promise<string | undefined>;
}

/**
 * The longest time for a whole request to arrive, and for its headers, which a silent connection
 * never sends.
 */
const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 10_000;
const CHECK_TIMEOUTS_EVERY_MS = 1000;

/**
 * Longer than the idle time-out of common load balancers, so that this server never closes a
 * connection that a load balancer is about to use.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/**
 * Serves MCP over HTTP: Streamable HTTP at `/mcp`, HTTP+SSE at `/sse`; and the REST API below `/api`.
 *
 * @returns the transport and the URL that it listens at
 * @throws the system's error when the address cannot be bound
 */
export async function serveOverHttp(options: HttpOptions): Promise<HttpTransport> {
  const { logger, signIn, limits, rest } = options;
  const cors = createCors(options.allowedOrigins);
  const guard = createHostGuard([options.host, ...options.allowedHosts], cors.allows);
  const rateLimiter = new RateLimiter(limits);
  const { messageMax } = limits;
  const mcp = streamableHttp({ ...options, rateLimiter, messageMax });
  const sse = legacySse({ ...options, rateLimiter, messageMax });
  const restApi = rest && restEndpoint(rest, { rateLimiter, messageMax });
  const endpoints = new Map([
    ['/mcp', mcp],
    ['/sse', sse],
    [SSE_MESSAGES_PATH, sse],
  ]);
  const endpointAt = (path: string) =>
    endpoints.get(path) ?? (rest?.serves(path) ? restApi : undefined);
  let stopping = false;
  let closing = false;
  let origin = options.publicUrl ?? '';

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    response.setHeader('x-request-id', requestId);
    if (stopping) response.setHeader('connection', 'close');
    cors.setHeaders(request, response);
    normalizeTarget(request);
    const [path = ''] = (request.url ?? '').split('?');
    if (rest?.serves(path)) response.setHeaders(new Map(Object.entries(VERSION_HEADER)));
    const refusal = guard(request.headers.host, request.headers.origin);
    if (refusal !== undefined) throw new HttpError(403, refusal);
    if (closing) throw new HttpError(503, 'The server is stopping. Repeat the call shortly.');
    const document = publicDocument(path);
    const endpoint = document === undefined ? endpointAt(path) : undefined;
    if (endpoint === undefined && document === undefined) {
      throw new HttpError(
        404,
        'There is nothing here. MCP is at /mcp, or at /sse for old clients.',
      );
    }
    if (cors.isPreflight(request)) {
      cors.answerPreflight(response);
      return;
    }
    if (document !== undefined) {
      assertMethod(request.method, 'GET', 'HEAD');
      closeIfLong(request, response, messageMax);
      response.writeHead(200, { 'content-type': document.contentType }).end(document.body);
      return;
    }
    if (endpoint === undefined) return;
    const identity = await signIn.authenticate(request, origin);
    connections.admit(response);
    // The client may have disconnected during authentication.
    if (!response.destroyed) await endpoint.handle(request, response, identity, requestId);
  }

  /** What is at a path for everybody. */
  function publicDocument(path: string): Pick<RestAnswer, 'contentType' | 'body'> | undefined {
    const metadata = signIn.metadata(path, origin);
    return metadata === undefined
      ? rest?.publicAnswer(path)
      : { contentType: 'application/json', body: JSON.stringify(metadata) };
  }

  /** A refusal as the clients of its path read it. */
  function refusalOf(url: string, error: HttpError): Pick<RestAnswer, 'contentType' | 'body'> {
    const [path = ''] = url.split('?');
    return rest?.serves(path)
      ? rest.refusal(path, error.status, error.message)
      : { contentType: 'application/json', body: JSON.stringify(error.response) };
  }

  const http = createHttpServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (request, response) => {
      // Node assigns the socket to the first of several pipelined requests. It never emits `close`
      // for the responses to the others, so their permits would never be released.
      if (response.socket === null) {
        options.onRefused('pipelined');
        request.socket.destroy();
        return;
      }
      escapeResponse(response);
      route(request, response).catch((error: unknown) => {
        if (error instanceof HttpError) options.onRefused(error.reason);
        refuse(response, error, messageMax, logger, refusalOf);
      });
    },
  );
  const connections = limitConnections(http, limits.connectionsMax);
  refuseConnect(http, options.onRefused);
  answerClientErrors(http);
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
      const parts = [mcp, sse, ...(restApi === undefined ? [] : [restApi])];
      const drained = await Promise.all(parts.map((part) => part.drained(grace)));
      await Promise.all([mcp.close(), sse.close()]);
      // A connection becomes idle only when its last response has been flushed.
      const idleSweep = setInterval(() => http.closeIdleConnections(), 10);
      const forceClose = setTimeout(() => http.closeAllConnections(), 500);
      await closed;
      clearTimeout(forceClose);
      clearInterval(idleSweep);
      return drained.every(Boolean);
    },
  };
}

/**
 * Answers with an error that contains nothing of the request but its id.
 *
 * @param discardMaxBytes the longest unread body that may be discarded to keep the connection
 */
function refuse(
  response: ServerResponse,
  error: unknown,
  discardMaxBytes: number,
  logger: Logger,
  refusalOf: (url: string, error: HttpError) => Pick<RestAnswer, 'contentType' | 'body'>,
): void {
  const known = error instanceof HttpError;
  if (!known) logger.error('http', { error });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const refusal = known ? error : serverFailed();
  const { status, headers } = refusal;
  const { contentType, body } = refusalOf(response.req.url ?? '', refusal);
  // A client that may go on soon keeps its connection. Node discards the rest of the body on it.
  const mayGoOn = status === 429 || status === 503 || error instanceof InvalidMessage;
  const keepsConnection = mayGoOn && unreadLength(response.req) <= discardMaxBytes;
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    ...(!keepsConnection && { connection: 'close' }),
  });
  response.end(body);
}

function serverFailed(): HttpError {
  return new HttpError(500, 'The server failed. Its log says more.');
}
