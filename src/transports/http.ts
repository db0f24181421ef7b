import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../logger.ts';
import { createGuard } from './guard.ts';
import { HttpError } from './http-error.ts';
import { legacySse, SSE_MESSAGES_PATH } from './legacy-sse.ts';
import { streamableHttp } from './streamable-http.ts';
import type { Authenticate, CreateServer, ListenToChanges, Transport } from './transport.ts';

export interface HttpOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Host names to answer to, beside `localhost` and addresses. */
  allowedHosts: readonly string[];
  createServer: CreateServer;
  authenticate: Authenticate;
  changes: ListenToChanges;
  logger: Logger;
}

/** How long a request may take to arrive. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Longer than the idle time-out of common load balancers, so that it is never we who hang up. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/**
 * Serves MCP over HTTP: Streamable HTTP at `/mcp`, HTTP+SSE at `/sse`.
 *
 * @returns the transport, and the address that clients connect to
 * @throws the system's error when the address cannot be bound
 */
export async function serveOverHttp(options: HttpOptions): Promise<Transport & { url: string }> {
  const { logger, createServer, authenticate } = options;
  const guard = createGuard([options.host, ...options.allowedHosts]);
  const mcp = streamableHttp(createServer, options.changes, logger);
  const sse = legacySse(createServer, logger);
  const endpoints = new Map([
    ['/mcp', mcp],
    ['/sse', sse],
    [SSE_MESSAGES_PATH, sse],
  ]);
  let closing = false;

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (closing) response.setHeader('connection', 'close');
    const refusal = guard(request.headers.host, request.headers.origin);
    if (refusal !== undefined) throw new HttpError(403, refusal);
    if (closing) throw new HttpError(503, 'The server is stopping. Repeat the call shortly.');
    const [path = ''] = (request.url ?? '').split('?');
    const endpoint = endpoints.get(path);
    if (endpoint === undefined) {
      throw new HttpError(
        404,
        'There is nothing here. MCP is at /mcp, or at /sse for old clients.',
      );
    }
    const identity = await authenticate(request);
    // Whoever has gone meanwhile is not heard of again.
    if (!response.destroyed) await endpoint.handle(request, response, identity);
  }

  const http = createHttpServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
    (request, response) => {
      route(request, response).catch((error: unknown) => refuse(response, error, logger));
    },
  );
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port, options.host, resolve);
  });

  const { address, port, family } = http.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    ended: new Promise(() => {}),
    async close(grace) {
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

/** Answers with a JSON-RPC error that echoes nothing of the request. */
function refuse(response: ServerResponse, error: unknown, logger: Logger): void {
  const known = error instanceof HttpError;
  if (!known) logger.error('http', { error });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = known ? error.status : 500;
  const message = known ? error.message : 'The server failed. Its log says more.';
  response.writeHead(status, {
    ...(known && error.headers),
    'content-type': 'application/json',
    // Whatever is left of a body that was not read must not be taken for the next request.
    connection: 'close',
  });
  const code = status === 400 ? -32700 : -32000;
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code, message } }));
}
