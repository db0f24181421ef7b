import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { DomainError } from '../../domain/errors.ts';

export interface OpsOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  /** Why nobody can sign in, in words that anybody may read, if so. */
  signIn(): Promise<string | undefined>;
  metrics: { contentType: string; text(): Promise<string> };
}

export interface OpsServer {
  url: string;
  /** From now on `/readyz` says no, so that balancers send their requests elsewhere. */
  stopping(): void;
  close(): void;
}

/** How long `/readyz` waits: less than probes usually wait for `/readyz`. */
const ANSWER_TIMEOUT_MS = 1000;

const NO_PROXY =
  'HTTP/1.1 405 Method Not Allowed\r\nallow: GET, HEAD\r\ncontent-length: 0\r\nconnection: close\r\n\r\n';

/** Probes and scrapers are few. */
const MAX_CONNECTIONS = 100;
const TIMEOUT_MS = 10_000;

/**
 * Serves `/healthz` (the process answers), `/readyz` (it takes calls, its store answers, and callers can
 * sign in) and `/metrics` on a port of their own, for those who run the server: nobody has to sign in there.
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

  /** What keeps this server from taking calls, if anything does. */
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
  // Where nobody listens, Node hangs up without a word.
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

/** Lets all who ask meanwhile share one answer: what is in trouble gets no more work from them. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

/** What was found out, or that it was not in time, in milliseconds. */
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
  // Nobody asks so often that connections are worth keeping.
  const headers = { 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(type === 'text/plain' ? `${text}\n` : text);
}
