import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type Server } from '@modelcontextprotocol/server';
import type { Logger } from '../logger.ts';
import { readJson } from './body.ts';
import { MESSAGE_MAX_BYTES } from './limits.ts';
import { Pending } from './pending.ts';
import type { Endpoint } from './transport.ts';

/**
 * Streamable HTTP for both protocol eras. Every request is served by a server of its own, so any
 * process behind a load balancer can take it.
 */
export function streamableHttp(createServer: () => Server, logger: Logger): Endpoint {
  const pending = new Pending();
  const handler = createMcpHandler(createServer, {
    maxRequestBodySize: MESSAGE_MAX_BYTES,
    onerror: (error) => logger.debug('streamable http', { error }),
  });
  const answer = toNodeHandler(handler, {
    onerror: (error) => logger.error('streamable http', { error }),
  });
  type NodeRequest = Parameters<typeof answer>[0];

  return {
    async handle(request, response) {
      pending.add(response);
      response.on('close', () => pending.settle(response));
      if (request.method !== 'POST') return answer(request as NodeRequest, response);
      const body = await readJson(request);
      const method = (body as { method?: unknown } | null)?.method;
      if (method === 'subscriptions/listen') pending.settle(response);
      return answer(request as NodeRequest, response, body);
    },
    drained: (timeout) => pending.drained(timeout),
    close: () => handler.close(),
  };
}
