import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { urlToHttpOptions } from 'node:url';

/** The end of a request without a whole answer, for one of two reasons that the system has no error for. */
export class CutOff extends Error {
  readonly reason: 'timeout' | 'too_long';

  constructor(reason: 'timeout' | 'too_long') {
    super(reason);
    this.reason = reason;
  }
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface GetOptions {
  headers: Readonly<Record<string, string>>;
  /** How long the server may be silent, in milliseconds. */
  silenceMs: number;
  /** How long the whole answer may take, in milliseconds. */
  totalMs: number;
  /** The longest body. */
  maxBytes: number;
  signal: AbortSignal;
}

/** Sends GET requests to one server, over connections that stay open. */
export interface Requester {
  /**
   * Neither follows redirects nor looks at the status. Sends the path as it is: `fetch` would take the
   * segment `..` away, which may be an identifier.
   *
   * @throws CutOff; the system's error when there is no connection; an `AbortError` when the signal aborts
   */
  get(path: string, options: GetOptions): Promise<HttpAnswer>;
  close(): void;
}

/** @param base the address of the server, with http: or https: */
export function createRequester(base: URL, connections: number): Requester {
  const options = { keepAlive: true, maxSockets: connections };
  const [send, agent] =
    base.protocol === 'https:'
      ? ([httpsRequest, new HttpsAgent(options)] as const)
      : ([httpRequest, new HttpAgent(options)] as const);
  const { protocol, hostname, port } = urlToHttpOptions(base);
  const server = { protocol, hostname, ...(port !== undefined && { port }) };

  return {
    get: (path, { headers, silenceMs, totalMs, maxBytes, signal }) =>
      new Promise((resolve, reject) => {
        const request = send({ ...server, path, headers, agent, signal, timeout: silenceMs });
        const fail = (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        };
        const cutOff = (reason: CutOff['reason']) => {
          fail(new CutOff(reason));
          request.destroy();
        };
        const timer = setTimeout(cutOff, totalMs, 'timeout');
        request.on('timeout', () => cutOff('timeout'));
        request.on('error', fail);
        request.on('response', (response: IncomingMessage) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > maxBytes) cutOff('too_long');
            else chunks.push(chunk);
          });
          response.on('error', fail);
          response.on('end', () => {
            clearTimeout(timer);
            const { statusCode: status = 0, headers: received } = response;
            resolve({ status, headers: received, body: Buffer.concat(chunks).toString('utf8') });
          });
        });
        request.end();
      }),
    close: () => agent.destroy(),
  };
}
