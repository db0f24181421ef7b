import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type Server } from '@modelcontextprotocol/server';
import { coalesceUpdates } from '../../mcp/updates/coalesced-updates.ts';
import { InFlight } from '../in-flight.ts';
import { whenRead } from '../stdio/back-pressure.ts';
import type { Endpoint, EndpointOptions, Identity } from '../transport.ts';
import { readJson } from './body.ts';
import { StreamWatcher } from './event-streams.ts';
import { HttpError } from './http-error.ts';
import { assertMethod } from './http-methods.ts';
import { acceptsJson, respondWithJson } from './json-response.ts';

/** The longest body of a subscription: the URIs it names are held while its stream is open. */
const LISTEN_MAX_BYTES = 256 * 1024;

type NodeRequest = Parameters<ReturnType<typeof toNodeHandler>>[0];
type Handler = ReturnType<typeof createMcpHandler>;
type Serve = (request: { era: 'legacy' | 'modern' }) => Server;

/**
 * Streamable HTTP for both protocol eras. Every request gets a handler and a server of its own, so
 * any process behind a load balancer can serve it. Update notifications go through the handler, so
 * no client is notified of another caller's records.
 */
export function streamableHttp(options: EndpointOptions): Endpoint {
  const { createServer, changes, rateLimiter, messageMax, logger } = options;
  const inFlight = new InFlight();
  const streamWatcher = new StreamWatcher(logger);
  const handlers = new Set<Handler>();
  const onerror = (error: Error) => logger.error('streamable http', { error });

  const handlerFor = (serve: Serve): Handler =>
    createMcpHandler(serve, {
      maxRequestBodySize: messageMax,
      onerror: (error) => logger.debug('streamable http', { error }),
    });

  /** Serves a request whose body has been read. */
  function respond(
    handler: Handler,
    serve: Serve,
    request: IncomingMessage,
    response: ServerResponse,
    body: unknown,
  ) {
    // The parsed body bypasses the adapter, which would serialize it as JSON again: wasted work,
    // and a stack overflow on deep nesting.
    const served: Handler = {
      ...handler,
      async fetch(web, options) {
        if (await acceptsJson(web, body))
          return respondWithJson(serve({ era: 'legacy' }), web, body);
        const webResponse = await handler.fetch(web, { ...options, parsedBody: body });
        // The SDK sets `connection: keep-alive` on every response, but a stopping server has to
        // close them.
        webResponse.headers.delete('connection');
        return webResponse;
      },
    };
    const adapter = toNodeHandler(served, { onerror });
    return adapter(request as NodeRequest, response, null);
  }

  /**
   * Notifies the client of changed resources on the event stream of `response`, as long as that is
   * open.
   */
  function notifyOfChanges(
    handler: Handler,
    response: ServerResponse,
    identity: Identity,
    uris: ReadonlySet<unknown>,
  ): void {
    const releaseStream = rateLimiter.openStream(identity.caller.credential);
    inFlight.settle(response);
    const notify = coalesceUpdates(
      async (uri) => {
        handler.notify.resourceUpdated(uri);
        // The notification is written in this event-loop iteration; back pressure shows in the
        // next.
        await nextIteration();
      },
      () => whenRead(response),
    );
    const unsubscribe = changes(identity.caller, (uri) => uris.has(uri) && notify(uri));
    const unwatch = streamWatcher.watch({ identity, end: () => void handler.close() });
    response.on('close', () => {
      releaseStream();
      unwatch();
      unsubscribe();
    });
  }

  return {
    async handle(request, response, identity, requestId) {
      const { caller } = identity;
      const lease = rateLimiter.lease(caller.credential);
      inFlight.add(response);
      const { hold } = lease;
      const serve: Serve = ({ era }) => {
        const updates = era === 'modern' ? 'transport' : 'none';
        return createServer({ era, updates, requestId, hold }, caller);
      };
      const handler = handlerFor(serve);
      handlers.add(handler);
      response.on('close', () => {
        lease.release();
        inFlight.settle(response);
        handlers.delete(handler);
      });
      assertMethod(request.method, 'POST');
      const { json: body, bytes } = await readJson(request, messageMax, lease);
      const method = (body as { method?: unknown } | null)?.method;
      if (method === 'subscriptions/listen') {
        if (bytes > LISTEN_MAX_BYTES) throw subscriptionTooLong(bytes);
        notifyOfChanges(handler, response, identity, subscribedUris(body));
        lease.release();
      } else lease.acquire(Array.isArray(body) ? body.length : 1);
      return respond(handler, serve, request, response, body);
    },
    drained: (timeoutMs) => inFlight.drained(timeoutMs),
    async close() {
      await Promise.all([...handlers].map((handler) => handler.close()));
    },
  };
}

/** The URIs that a subscription names. The SDK validates the rest of it. */
function subscribedUris(body: unknown): ReadonlySet<unknown> {
  const { params } = body as { params?: { notifications?: { resourceSubscriptions?: unknown } } };
  const uris = params?.notifications?.resourceSubscriptions;
  return new Set(Array.isArray(uris) ? uris : []);
}

function subscriptionTooLong(bytes: number): HttpError {
  return new HttpError(
    413,
    `The subscription is ${bytes} bytes long, and at most ${LISTEN_MAX_BYTES} are read. Name fewer resources.`,
  );
}
