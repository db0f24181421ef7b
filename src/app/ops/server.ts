import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DomainError } from '../../domain/errors.ts';

export interface OpsOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** Why callers cannot sign in at the moment, if so. The text is public. */
  signInObstacle(): Promise<string | undefined>;
  metrics: { contentType: string; text(): Promise<string> };
}

export interface OpsServer {
  /** Base URL of the paths. */
  url: string;
  /** From now on `/readyz` answers 503, so that load balancers send requests elsewhere. */
  stopping(): void;
  close(): void;
}

/** How long `/readyz` waits for the store and for sign-in. Probes usually wait longer for `/readyz`. */
const ANSWER_TIMEOUT_MS = 1000;

const NO_CONNECT =
  'HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** Enough for probes and scrapers. */
const MAX_CONNECTIONS = 100;
const TIMEOUT_MS = 10_000;

/**
 * Serves `/healthz` (the process runs), `/readyz` (the server accepts calls, its store answers, and callers
 * can sign in) and `/metrics` on a separate port for operators. Requests to it are not authenticated.
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
    options.signInObstacle().catch(() => 'Nobody can sign in. The log says why.'),
  );

  /** Why this server is not ready, if so. */
  async function obstacle(): Promise<string | undefined> {
    if (isStopping) return 'The server is stopping.';
    const obstacles = await Promise.all([
      within(ANSWER_TIMEOUT_MS, store(), 'The store has not answered'),
      within(ANSWER_TIMEOUT_MS, signIn(), 'Sign-in has not answered'),
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
        return send(response, 404, 'Not found: the paths are /healthz, /readyz and /metrics.');
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
  // Without a listener, Node closes the connection without an answer.
  http.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(NO_CONNECT, () => socket.destroy());
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

/** Closes the oldest connection without a request when there are too many connections. */
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
    // Its `close` event comes later, and more connections may open before it.
    silent.delete(oldest);
    oldest.destroy();
  });
  http.on('request', ({ socket }) => silent.delete(socket));
}

/** Lets concurrent callers share one answer, so that probes add no load to a store in trouble. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** Returns the answer, or after `timeoutMs` a sentence that says that there was none. */
async function within(
  timeoutMs: number,
  answer: Promise<string | undefined>,
  otherwise: string,
): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, `${otherwise} within ${timeoutMs} ms.`);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain'): void {
  // Requests are too rare for connections to be worth keeping.
  const headers = { 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(type === 'text/plain' ? `${text}\n` : text);
}
