import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DomainError } from '../domain/errors.ts';

export interface OpsOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  metrics: { contentType: string; text(): Promise<string> };
}

export interface OpsServer {
  url: string;
  /** From now on `/readyz` says no, so that balancers send their requests elsewhere. */
  stopping(): void;
  close(): void;
}

/** How long `/readyz` waits for the store: less than probes usually wait for `/readyz`. */
const PING_TIMEOUT_MS = 1000;

/** Probes and scrapers are few. */
const MAX_CONNECTIONS = 100;
const TIMEOUT_MS = 10_000;

/**
 * Serves `/healthz` (the process answers), `/readyz` (it takes calls and its store answers) and
 * `/metrics` on a port of their own, for those who run the server: nobody has to sign in there.
 *
 * @throws the system's error when the address cannot be bound
 */
export async function serveOps(options: OpsOptions): Promise<OpsServer> {
  const { ping, metrics } = options;
  let isStopping = false;
  let pinging: Promise<void> | undefined;

  /** What keeps this server from taking calls, if anything does. */
  async function obstacle(): Promise<string | undefined> {
    if (isStopping) return 'The server is stopping.';
    // Probes that come meanwhile share one ping: a store in trouble gets no more work from them.
    pinging ??= ping().finally(() => {
      pinging = undefined;
    });
    return within(PING_TIMEOUT_MS, pinging);
  }

  async function answer(path: string, response: ServerResponse): Promise<void> {
    switch (path) {
      case '/healthz':
        return send(response, 200, 'ok');
      case '/readyz': {
        const reason = await obstacle();
        return reason === undefined ? send(response, 200, 'ok') : send(response, 503, reason);
      }
      case '/metrics':
        return send(response, 200, await metrics.text(), metrics.contentType);
      default:
        return send(response, 404, 'There is /healthz, /readyz and /metrics.');
    }
  }

  const http = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    (request, response) => {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return send(response, 405, 'Use GET here.');
      }
      const [path = ''] = (request.url ?? '').split('?');
      answer(path, response).catch(() => send(response, 500, 'The server failed.'));
    },
  );
  boundConnections(http);
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(options.port, options.host, resolve);
  });
  const { address, port, family } = http.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    stopping() {
      isStopping = true;
    },
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
}

/** Where there are too many, the oldest that has not asked for anything makes room. */
function boundConnections(http: Server): void {
  const silent = new Set<Socket>();
  let open = 0;
  http.on('connection', (socket) => {
    open += 1;
    silent.add(socket);
    socket.once('close', () => {
      open -= 1;
      silent.delete(socket);
    });
    if (open <= MAX_CONNECTIONS) return;
    const [oldest = socket] = silent;
    // It closes only later, and others may come before.
    silent.delete(oldest);
    oldest.destroy();
  });
  http.on('request', ({ socket }) => silent.delete(socket));
}

/** Why `ping` failed or was not quick enough, in words that anybody may read. */
async function within(timeout: number, ping: Promise<void>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeout, `The store has not answered within ${timeout} ms.`);
  });
  const answered = ping.then(
    () => undefined,
    (error: unknown) =>
      error instanceof DomainError ? error.message : 'The store cannot be used. The log says why.',
  );
  return Promise.race([answered, late]).finally(() => clearTimeout(timer));
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  // Nobody asks so often that connections are worth keeping.
  const headers = { 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(type === 'text/plain' ? `${text}\n` : text);
}
