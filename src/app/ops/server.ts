import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DomainError } from '../../domain/errors.ts';

export interface OpsOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** The reason why nobody can sign in, or `undefined`. It is safe to publish. */
  signIn(): Promise<string | undefined>;
  metrics: { contentType: string; text(): Promise<string> };
}

export interface OpsServer {
  url: string;
  /** Makes `/readyz` fail from now on, so that load balancers send requests elsewhere. */
  stopping(): void;
  close(): void;
}

/** The time-out of the checks of `/readyz`: shorter than the usual time-out of probes. */
const ANSWER_TIMEOUT_MS = 1000;

const NO_PROXY =
  'HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** The most connections: probes and scrapers are few. */
const MAX_CONNECTIONS = 100;
const TIMEOUT_MS = 10_000;

/**
 * Serves `/healthz` (the process responds), `/readyz` (it accepts calls, its store answers, and
 * callers can sign in) and `/metrics` on a port of their own, for operators. There is no
 * authentication.
 *
 * @throws the system's error when the address cannot be bound
 */
export async function serveOps(options: OpsOptions): Promise<OpsServer> {
  const { metrics } = options;
  let isStopping = false;
  const store = shared(() =>
    options.ping().then(
      () => undefined,
      (error: unknown) =>
        error instanceof DomainError
          ? error.message
          : 'The store cannot be used. The log says why.',
    ),
  );
  const signIn = shared(() =>
    options.signIn().catch(() => 'Nobody can sign in. The log says why.'),
  );

  /** The reason why this server cannot accept calls, if there is one. */
  async function obstacle(): Promise<string | undefined> {
    if (isStopping) return 'The server is stopping.';
    const obstacles = await Promise.all([
      within(ANSWER_TIMEOUT_MS, store(), 'The store has not answered'),
      within(ANSWER_TIMEOUT_MS, signIn(), 'What sign-in needs has not answered'),
    ]);
    const found = obstacles.filter((reason) => reason !== undefined);
    return found.length > 0 ? found.join(' ') : undefined;
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
  // Without a listener, Node closes the connection without a response.
  http.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(NO_PROXY, () => socket.destroy());
  });
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

/** Above the limit, the oldest connection without a request is closed. */
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
    // The `close` event comes later, and more connections may arrive before.
    silent.delete(oldest);
    oldest.destroy();
  });
  http.on('request', ({ socket }) => silent.delete(socket));
}

/** Concurrent callers share one check, so that a store in trouble gets no more load from probes. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** The result of a check, or that it timed out; the limit is in milliseconds. */
async function within(
  timeout: number,
  answer: Promise<string | undefined>,
  otherwise: string,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeout, `${otherwise} within ${timeout} ms.`);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  // Requests are too rare for keep-alive to pay off.
  const headers = { 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(type === 'text/plain' ? `${text}\n` : text);
}
