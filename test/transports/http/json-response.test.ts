import { Server } from '@modelcontextprotocol/server';
import { describe, expect, it } from 'vitest';
import { acceptsJson, respondWithJson } from '../../../src/transports/http/json-response.ts';

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };

function posted(body: unknown, signal?: AbortSignal): Request {
  return new Request('http://localhost/mcp', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
    },
    body: JSON.stringify(body),
    ...(signal !== undefined && { signal }),
  });
}

describe('a request of the 2025 era', () => {
  it.each<[string, unknown, boolean]>([
    ['has parameters', { ...LIST, params: { cursor: 'x' } }, true],
    ['has none', LIST, true],
    ['may ask for progress', { ...LIST, params: { _meta: { progressToken: 1 } } }, false],
    ['is a notification', { jsonrpc: '2.0', method: 'notifications/initialized' }, false],
    ['is one of several', [LIST], false],
    ['is nothing', null, false],
  ])('takes JSON or not, if it %s', async (_, body, expected) => {
    expect(await acceptsJson(posted(body), body)).toBe(expected);
  });

  it('is given up when its client has gone', async () => {
    const server = new Server({ name: 'slow', version: '0' }, { capabilities: { tools: {} } });
    const aborted = new Promise<void>((resolve) => {
      server.setRequestHandler('tools/list', (_, { mcpReq }) => {
        mcpReq.signal.addEventListener('abort', () => resolve());
        client.abort();
        return new Promise(() => {});
      });
    });
    const client = new AbortController();
    const answered = await respondWithJson(server, posted(LIST, client.signal), LIST);
    expect(answered.status).toBe(499);
    await aborted;
  });
});
