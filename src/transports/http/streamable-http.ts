import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextIteration } from 'node:timers/promises';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type Server } from '@modelcontextprotocol/server';
import { coalesceUpdates } from '../../mcp/updates/coalesced-updates.ts';
import { BATCH_VERSION, type Batch, readBatch } from '../batch.ts';
import { InFlight } from '../in-flight.ts';
import { readMessage } from '../json-rpc.ts';
import { whenRead } from '../stdio/back-pressure.ts';
import type { Endpoint, EndpointOptions, Identity } from '../transport.ts';
import { type Accepted, acceptedBy, assertAcceptsStream } from './accept.ts';
import { respondToBatch } from './batch-response.ts';
import { readJson } from './body.ts';
import { StreamWatcher } from './event-streams.ts';
import { HttpError, InvalidMessage, invalidBody } from './http-error.ts';
import { assertMethod } from './http-methods.ts';
import { acceptsJson, respondWithJson } from './json-response.ts';

/** The longest body of a subscription: the URIs it names are held while its stream is open. */
const LISTEN_MAX_BYTES = 256 * 1024;

/** The SDK requires this of every client, whichever of the two it answers with. */
const ACCEPTS_BOTH = 'application/json, text/event-stream';

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

  const handlerFor = (serve: Serve, { json }: Accepted): Handler =>
    createMcpHandler(serve, {
      maxRequestBodySize: messageMax,
      ...(!json && { responseMode: 'sse' }),
      onerror: (error) => logger.debug('streamable http', { error }),
    });

  /** Answers with what `fetch` returns for a request whose body has been read. */
  function respond(
    request: IncomingMessage,
    response: ServerResponse,
    handler: Handler,
    fetch: (web: Request) => Promise<Response>,
  ) {
    request.headers.accept = ACCEPTS_BOTH;
    const adapter = toNodeHandler({ ...handler, fetch }, { onerror });
    // The parsed body bypasses the adapter, which would serialize it as JSON again: wasted work,
    // and a stack overflow on deep nesting.
    return adapter(request as NodeRequest, response, null);
  }

  /** Answers one message. */
  async function respondToMessage(
    web: Request,
    handler: Handler,
    serve: Serve,
    body: unknown,
    { json }: Accepted,
  ): Promise<Response> {
    if (json && (await acceptsJson(web, body))) {
      return respondWithJson(serve({ era: 'legacy' }), web, body);
    }
    const webResponse = await handler.fetch(web, { parsedBody: body });
    // The SDK sets `connection: keep-alive` on every response, but a stopping server has to close
    // them.
    webResponse.headers.delete('connection');
    return webResponse;
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
      const permit = rateLimiter.permit(caller.credential);
      inFlight.add(response);
      response.on('close', () => {
        permit.release();
        inFlight.settle(response);
      });
      assertMethod(request.method, 'POST');
      const { accept } = request.headers;
      const accepted = acceptedBy(accept);
      const { hold } = permit;
      const serve: Serve = ({ era }) => {
        const updates = era === 'modern' ? 'transport' : 'none';
        return createServer({ era, updates, requestId, hold }, caller);
      };
      const handler = handlerFor(serve, accepted);
      handlers.add(handler);
      response.on('close', () => handlers.delete(handler));
      const { json: body, bytes } = await readJson(request, messageMax, permit);
      if (Array.isArray(body)) {
        const batch = batchOf(body, request);
        permit.acquire(batch.length);
        return respond(request, response, handler, (web) =>
          respondToBatch(() => serve({ era: 'legacy' }), web, batch, accepted.json),
        );
      }
      const read = readMessage(body);
      if ('invalid' in read) throw new InvalidMessage(read.invalid);
      if ('method' in read.message && read.message.method === 'subscriptions/listen') {
        if (bytes > LISTEN_MAX_BYTES) throw subscriptionTooLong(bytes);
        assertAcceptsStream(accept);
        notifyOfChanges(handler, response, identity, subscribedUris(body));
        permit.release();
      } else permit.acquire(1);
      if (!accepted.stream) withoutProgress(body);
      return respond(request, response, handler, (web) =>
        respondToMessage(web, handler, serve, body, accepted),
      );
    },
    drained: (timeoutMs) => inFlight.drained(timeoutMs),
    async close() {
      await Promise.all([...handlers].map((handler) => handler.close()));
    },
  };
}

/** @throws InvalidMessage when the batch is refused as a whole */
function batchOf(body: readonly unknown[], { headers }: IncomingMessage): Batch {
  const version = headers['mcp-protocol-version'] ?? BATCH_VERSION;
  const read = readBatch(body, String(version));
  if ('refusal' in read) throw invalidBody(read.refusal);
  return read.batch;
}

/** Takes the wish for progress out of a request: only a stream can carry it. */
function withoutProgress(body: unknown): void {
  const { params } = body as { params?: { _meta?: { progressToken?: unknown } } };
  delete params?._meta?.progressToken;
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
