import type { IncomingMessage } from 'node:http';
import type { Rest } from '../../rest/index.ts';
import { InFlight } from '../in-flight.ts';
import type { Endpoint, EndpointOptions } from '../transport.ts';
import { closeIfLong, readJson } from './body.ts';

/** The version that the clients are told. One of them compares it, and reads none without a hyphen. */
export const VERSION_HEADER = { 'x-zep-version': '0.27.2-compatible' };

/** Serves the REST API: reads the request within the limits of its credential, and writes the answer. */
export function restEndpoint(
  rest: Rest,
  { rateLimiter, messageMax }: Pick<EndpointOptions, 'rateLimiter' | 'messageMax'>,
): Endpoint {
  const inFlight = new InFlight();
  return {
    async handle(request, response, { caller }, requestId) {
      const permit = rateLimiter.permit(caller.credential);
      const disconnected = new AbortController();
      inFlight.add(response);
      response.on('close', () => {
        disconnected.abort();
        permit.release();
        inFlight.settle(response);
      });
      const { method = '', url = '', headers } = request;
      const start = url.indexOf('?');
      const path = start === -1 ? url : url.slice(0, start);
      let body: unknown;
      if (rest.readsBody(method, path)) {
        body = (await readJson(request, messageMax, permit, contentTypeOf(request))).json;
      } else closeIfLong(request, response, messageMax);
      permit.acquire(1);
      const answer = await rest.answer({
        ...{ method, path, body, headers, caller, requestId },
        query: start === -1 ? '' : url.slice(start + 1),
        signal: disconnected.signal,
        hold: () => permit.hold(),
      });
      if (response.destroyed) return;
      permit.answer(Buffer.byteLength(answer.body));
      response.writeHead(answer.status, {
        ...answer.headers,
        'content-type': answer.contentType,
      });
      response.end(answer.body);
    },
    drained: (timeoutMs) => inFlight.drained(timeoutMs),
    close: async () => {},
  };
}

/**
 * Some clients send JSON under another type. To the POST of a page that would spare the preflight, which is
 * what keeps pages of other origins out.
 */
const contentTypeOf = ({ method, headers }: IncomingMessage) =>
  method === 'POST' && headers.origin !== undefined ? 'json' : 'any';
