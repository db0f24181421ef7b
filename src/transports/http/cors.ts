import type { IncomingMessage, ServerResponse } from 'node:http';

const METHODS = 'GET, HEAD, POST, PATCH, DELETE';

/** What the clients of MCP and of the REST API send, and a browser asks about first. */
const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Accept',
  'Mcp-Session-Id',
  'Mcp-Protocol-Version',
  'Mcp-Method',
  'Mcp-Name',
  'Last-Event-ID',
  ...['Language', 'SDK-Name', 'SDK-Version', 'Runtime', 'Runtime-Version'].map(
    (name) => `X-Fern-${name}`,
  ),
].join(', ');

/** What a page may read of a response, beyond the few headers that every page may. */
const RESPONSE_HEADERS = [
  'Mcp-Session-Id',
  'Mcp-Protocol-Version',
  'WWW-Authenticate',
  'Retry-After',
  'X-Request-Id',
  'X-Zep-Version',
].join(', ');

/** How long a browser may remember the answer to a preflight, in seconds. */
const MAX_AGE_S = 7200;

/** Access for the pages of other origins (Cross-Origin Resource Sharing). */
export interface Cors {
  /** Whether pages of this origin may call this server. */
  allows(origin: string): boolean;
  /** Lets the page that sent a request read the response, whatever that will be. */
  setHeaders(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a request is a browser's question whether a page may send another one. */
  isPreflight(request: IncomingMessage): boolean;
  answerPreflight(response: ServerResponse): void;
}

/**
 * Credentials are never allowed: a page has to send a token of its own, and no cookie of the user's.
 *
 * @param origins the allowed origins, as a browser writes them; `*` allows all
 */
export function createCors(origins: readonly string[]): Cors {
  const all = origins.includes('*');
  const allows = (origin: string) => all || origins.includes(origin);
  return {
    allows,

    setHeaders({ headers: { origin } }, response) {
      if (origins.length === 0) return;
      if (!all) response.setHeader('vary', 'Origin');
      if (origin === undefined || !allows(origin)) return;
      response.setHeader('access-control-allow-origin', all ? '*' : origin);
      response.setHeader('access-control-expose-headers', RESPONSE_HEADERS);
    },

    isPreflight({ method, headers }) {
      return (
        method === 'OPTIONS' &&
        headers['access-control-request-method'] !== undefined &&
        headers.origin !== undefined &&
        allows(headers.origin)
      );
    },

    answerPreflight(response) {
      response.writeHead(204, {
        'access-control-allow-methods': METHODS,
        'access-control-allow-headers': REQUEST_HEADERS,
        'access-control-max-age': String(MAX_AGE_S),
      });
      response.end();
    },
  };
}
