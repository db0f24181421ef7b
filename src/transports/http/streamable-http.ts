import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type Server } from '@modelcontextprotocol/server';
import { coalesceUpdates } from '../../mcp/updates/coalesced-updates.ts';
import { InFlight } from '../in-flight.ts';
import { whenRead } from '../stdio/back-pressure.ts';
import type { Endpoint, EndpointOptions, Identity } from '../transport.ts';
import { readJson } from './body.ts';
import { Streams } from './event-streams.ts';
import { HttpError } from './http-error.ts';
import { assertMethod } from './http-methods.ts';
import { acceptsJson, respondWithJson } from './json-response.ts';

/** The longest body that asks for a stream, in bytes: what it names is kept while that is open. */
const LISTEN_MAX = 256 * 1024;

type NodeRequest = Parameters<ReturnType<typeof toNodeHandler>>[0];
type Handler = ReturnType<typeof createMcpHandler>;
type Serve = (request: { era: 'legacy' | 'modern' }) => Server;

/**
 * Streamable HTTP for both protocol eras. Every request is served by a handler and a server of its
 * own: any process behind a load balancer can take it, and since it is the handler that tells of
 * changes, nobody hears of what another caller's records went through.
 */
export function streamableHttp(options: EndpointOptions): Endpoint {
  const { createServer, changes, rateLimiter, messageMax, logger } = options;
  const pending = new InFlight();
  const streams = new Streams(logger);
  const open = new Set<Handler>();
  const onerror = (error: Error) => logger.error('streamable http', { error });

  const handlerFor = (serve: Serve): Handler =>
    createMcpHandler(serve, {
      maxRequestBodySize: messageMax,
      onerror: (error) => logger.debug('streamable http', { error }),
    });

  /** Serves a request whose body has been read. */
  function answer(
    handler: Handler,
    serve: Serve,
    request: IncomingMessage,
    response: ServerResponse,
    body: unknown,
  ) {
    // The body goes past the adapter, which would write it as JSON once more: a waste, and more than
    // the stack bears where it nests deeply.
    const served: Handler = {
      ...handler,
      async fetch(web, options) {
        if (await acceptsJson(web, body))
          return respondWithJson(serve({ era: 'legacy' }), web, body);
        const answered = await handler.fetch(web, { ...options, parsedBody: body });
        // The SDK asks to keep every connection, where a server that stops has to say the opposite.
        answered.headers.delete('connection');
        return answered;
      },
    };
    const adapter = toNodeHandler(served, { onerror });
    return adapter(request as NodeRequest, response, null);
  }

  /** Tells the client of changes, on the stream that answers it, for as long as that is open. */
  function tell(
    handler: Handler,
    response: ServerResponse,
    identity: Identity,
    uris: ReadonlySet<unknown>,
  ): void {
    const leave = rateLimiter.openStream(identity.caller.credential);
    pending.settle(response);
    const told = coalesceUpdates(
      async (uri) => {
        handler.notify.resourceUpdated(uri);
        // It is written to the response in this turn, and whether it is read shows in the next.
        await nextTurn();
      },
      () => whenRead(response),
    );
    const stop = changes(identity.caller, (uri) => uris.has(uri) && told(uri));
    const release = streams.keep({ identity, end: () => void handler.close() });
    response.on('close', () => {
      leave();
      release();
      stop();
    });
  }

  return {
    async handle(request, response, identity, requestId) {
      const { caller } = identity;
      const lease = rateLimiter.lease(caller.credential);
      pending.add(response);
      const { hold } = lease;
      const serve: Serve = ({ era }) => {
        const updates = era === 'modern' ? 'transport' : 'none';
        return createServer({ era, updates, requestId, hold }, caller);
      };
      const handler = handlerFor(serve);
      open.add(handler);
      response.on('close', () => {
        lease.release();
        pending.settle(response);
        open.delete(handler);
      });
      assertMethod(request.method, 'POST');
      const { json: body, bytes } = await readJson(request, messageMax, lease);
      const method = (body as { method?: unknown } | null)?.method;
      if (method === 'subscriptions/listen') {
        if (bytes > LISTEN_MAX) throw tooMuchToListenTo(bytes);
        tell(handler, response, identity, listenedTo(body));
        lease.release();
      } else lease.acquire(Array.isArray(body) ? body.length : 1);
      return answer(handler, serve, request, response, body);
    },
    drained: (timeout) => pending.drained(timeout),
    async close() {
      await Promise.all([...open].map((handler) => handler.close()));
    },
  };
}

/** The resources that a subscription names, as far as it is well formed, which the SDK looks into. */
function listenedTo(body: unknown): ReadonlySet<unknown> {
  const { params } = body as { params?: { notifications?: { resourceSubscriptions?: unknown } } };
  const named = params?.notifications?.resourceSubscriptions;
  return new Set(Array.isArray(named) ? named : []);
}

function tooMuchToListenTo(bytes: number): HttpError {
  return new HttpError(
    413,
    `The subscription is ${bytes} bytes long, and at most ${LISTEN_MAX} are read. Name fewer resources.`,
  );
}
