import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { Logger } from '../logger.ts';
import { readJson } from './body.ts';
import { MESSAGE_MAX_BYTES } from './limits.ts';
import { Pending } from './pending.ts';
import { Streams } from './streams.ts';
import type { CreateServer, Endpoint, Identity, ListenToChanges } from './transport.ts';

type NodeRequest = Parameters<ReturnType<typeof toNodeHandler>>[0];
type Handler = ReturnType<typeof createMcpHandler>;

/**
 * Streamable HTTP for both protocol eras. Every request is served by a handler and a server of its
 * own: any process behind a load balancer can take it, and since it is the handler that tells of
 * changes, nobody hears of what another caller's records went through.
 */
export function streamableHttp(
  createServer: CreateServer,
  changes: ListenToChanges,
  logger: Logger,
): Endpoint {
  const pending = new Pending();
  const streams = new Streams(logger);
  const open = new Set<Handler>();
  const onerror = (error: Error) => logger.error('streamable http', { error });

  function handlerFor({ caller }: Identity): Handler {
    const serve = ({ era }: { era: 'legacy' | 'modern' }) =>
      createServer({ era, updates: era === 'modern' ? 'transport' : 'none' }, caller);
    return createMcpHandler(serve, {
      maxRequestBodySize: MESSAGE_MAX_BYTES,
      onerror: (error) => logger.debug('streamable http', { error }),
    });
  }

  /** Serves a request whose body, if it has one, has been read. */
  function answer(
    handler: Handler,
    request: IncomingMessage,
    response: ServerResponse,
    body?: unknown,
  ) {
    // The body goes past the adapter, which would write it as JSON once more: a waste, and more than
    // the stack bears where it nests deeply.
    const served: Handler = {
      ...handler,
      fetch: (web, options) =>
        handler.fetch(web, body === undefined ? options : { ...options, parsedBody: body }),
    };
    const adapter = toNodeHandler(served, { onerror });
    return adapter(request as NodeRequest, response, body === undefined ? undefined : null);
  }

  /** Tells the client of changes, on the stream that answers it, for as long as that is open. */
  function tell(handler: Handler, response: ServerResponse, identity: Identity): void {
    pending.settle(response);
    const stop = changes(identity.caller, (uri) => handler.notify.resourceUpdated(uri));
    const release = streams.keep({ identity, end: () => void handler.close() });
    response.on('close', () => {
      release();
      stop();
    });
  }

  return {
    async handle(request, response, identity) {
      pending.add(response);
      const handler = handlerFor(identity);
      open.add(handler);
      response.on('close', () => {
        pending.settle(response);
        open.delete(handler);
      });
      if (request.method !== 'POST') return answer(handler, request, response);
      const body = await readJson(request);
      const method = (body as { method?: unknown } | null)?.method;
      if (method === 'subscriptions/listen') tell(handler, response, identity);
      return answer(handler, request, response, body);
    },
    drained: (timeout) => pending.drained(timeout),
    async close() {
      await Promise.all([...open].map((handler) => handler.close()));
    },
  };
}
