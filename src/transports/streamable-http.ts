import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { Logger } from '../logger.ts';
import { readJson } from './body.ts';
import { MESSAGE_MAX_BYTES } from './limits.ts';
import { Pending } from './pending.ts';
import type { CreateServer, Endpoint } from './transport.ts';

type NodeRequest = Parameters<ReturnType<typeof toNodeHandler>>[0];

/**
 * Streamable HTTP for both protocol eras. Every request is served by a server of its own, so any
 * process behind a load balancer can take it.
 *
 * @param changes calls the listener with the URI of each resource that changes, until told to stop
 */
export function streamableHttp(
  createServer: CreateServer,
  changes: (listener: (uri: string) => void) => () => void,
  logger: Logger,
): Endpoint {
  const pending = new Pending();
  const serve = ({ era }: { era: 'legacy' | 'modern' }) =>
    createServer({ era, updates: era === 'modern' ? 'transport' : 'none' });
  const handler = createMcpHandler(serve, {
    maxRequestBodySize: MESSAGE_MAX_BYTES,
    onerror: (error) => logger.debug('streamable http', { error }),
  });
  const stopListening = changes((uri) => handler.notify.resourceUpdated(uri));
  const onerror = (error: Error) => logger.error('streamable http', { error });

  /** Serves a request whose body, if it has one, has been read. */
  function answer(request: IncomingMessage, response: ServerResponse, body?: unknown) {
    // The body goes past the adapter, which would write it as JSON once more: a waste, and more than
    // the stack bears where it nests deeply.
    const served: typeof handler = {
      ...handler,
      fetch: (web, options) =>
        handler.fetch(web, body === undefined ? options : { ...options, parsedBody: body }),
    };
    const adapter = toNodeHandler(served, { onerror });
    return adapter(request as NodeRequest, response, body === undefined ? undefined : null);
  }

  return {
    async handle(request, response) {
      pending.add(response);
      response.on('close', () => pending.settle(response));
      if (request.method !== 'POST') return answer(request, response);
      const body = await readJson(request);
      const method = (body as { method?: unknown } | null)?.method;
      if (method === 'subscriptions/listen') pending.settle(response);
      return answer(request, response, body);
    },
    drained: (timeout) => pending.drained(timeout),
    close() {
      stopListening();
      return handler.close();
    },
  };
}
