import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MODERN } from '../support/clients.ts';
import { callBody, JSON_HEADERS, send } from '../support/raw-http.ts';
import { MODERN_META } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

const SDK = pathToFileURL(fileURLToPath(new URL('../support/trace-to-file.mjs', import.meta.url)));
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';

describe('a server with an OpenTelemetry SDK', () => {
  let servers: Servers;
  let url: string;
  let file: string;
  beforeEach(async () => {
    servers = await Servers.open();
    file = join(servers.directory, 'spans');
    const env = { NODE_OPTIONS: `--import=${SDK}`, TRACE_FILE: file };
    ({ url } = await servers.spawnHttp({ env }));
  });
  afterEach(() => servers.close());

  const spans = async () =>
    (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it.each([
    ['older', {}, {}],
    [
      'modern',
      { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': 'get_session' },
      MODERN_META,
    ],
  ])('continues the trace of a call, in the %s era', async (_era, eraHeaders, eraMeta) => {
    const meta = {
      ...eraMeta,
      traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`,
      tracestate: 'vendor=value',
    };
    const body = callBody('get_session', { session_id: 'none' }, meta);
    const headers = { ...JSON_HEADERS, ...(eraHeaders as Record<string, string>) };
    const answer = await send(`${url}/mcp`, { headers, body });
    expect(answer.status).toBe(200);
    expect(await spans()).toMatchObject([
      {
        name: 'tools/call get_session',
        kind: 1,
        traceId: TRACE_ID,
        traceState: 'vendor=value',
        parent: { spanId: PARENT_ID },
        status: { code: 2 },
        attributes: {
          'mcp.method.name': 'tools/call',
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'get_session',
          'error.type': 'NOT_FOUND',
          'mcp_sessions.request_id': answer.headers['x-request-id'],
        },
      },
    ]);
  });

  it.each([[undefined], ['evil'], [7], [{}], [`00-${'0'.repeat(32)}-${PARENT_ID}-01`]])(
    'begins a trace of its own where it is given %j',
    async (traceparent) => {
      const body = callBody('list_sessions', {}, { traceparent, tracestate: ['x'] });
      expect((await send(`${url}/mcp`, { headers: JSON_HEADERS, body })).status).toBe(200);
      const [span] = await spans();
      expect(span).toMatchObject({ name: 'tools/call list_sessions', status: { code: 0 } });
      expect(span.parent).toBeUndefined();
      expect(span.attributes).not.toHaveProperty('error.type');
    },
  );
});
