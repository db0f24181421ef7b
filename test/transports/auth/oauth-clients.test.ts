import {
  Client as ClientV2,
  ClientCredentialsProvider as CredentialsV2,
  StreamableHTTPClientTransport as StreamableHttpV2,
} from '@modelcontextprotocol/client';
import { ClientCredentialsProvider as CredentialsV1 } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as StreamableHttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport as TransportV1 } from '@modelcontextprotocol/sdk/shared/transport.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCE, Issuer } from '../../support/issuer.ts';
import { Servers } from '../../support/server-process.ts';

const INFO = { name: 'oauth', version: '1' };

let servers: Servers;
let issuer: Issuer;
let url: string;

beforeAll(async () => {
  servers = await Servers.open();
  issuer = await Issuer.open('/realms/acme');
  const env = { AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE };
  ({ url } = await servers.spawnHttp({ env }));
});
afterAll(async () => {
  issuer?.close();
  await servers?.close();
});

const credentials = () => ({
  clientId: 'agent',
  clientSecret: 'of-the-issuer',
  expectedIssuer: issuer.url,
});

async function listedByV1(transport: object): Promise<number> {
  const client = new ClientV1(INFO);
  await client.connect(transport as TransportV1);
  const { tools } = await client.listTools();
  await client.close();
  return tools.length;
}

/** What clients do who are given nothing but the address, and an account at the issuer. */
const CLIENTS: [what: string, path: string, list: () => Promise<number>][] = [
  [
    'v1 over Streamable HTTP',
    '/mcp',
    () => {
      const authProvider = new CredentialsV1(credentials());
      return listedByV1(new StreamableHttpV1(new URL('/mcp', url), { authProvider }));
    },
  ],
  [
    'v1 over HTTP+SSE',
    '/sse',
    () => {
      const authProvider = new CredentialsV1(credentials());
      return listedByV1(new SseV1(new URL('/sse', url), { authProvider }));
    },
  ],
  [
    'v2 over Streamable HTTP',
    '/mcp',
    async () => {
      const client = new ClientV2(INFO);
      const authProvider = new CredentialsV2(credentials());
      await client.connect(new StreamableHttpV2(new URL('/mcp', url), { authProvider }));
      const { tools } = await client.listTools();
      await client.close();
      return tools.length;
    },
  ],
];

describe('an OAuth client that knows only the address', () => {
  it.each(CLIENTS)('finds the issuer, signs in and is served: %s', async (_what, path, list) => {
    expect(await list()).toBeGreaterThan(5);
    const asked = issuer.requests.at(-1);
    expect(asked?.get('resource')).toBe(url + path);
    // By this grant, v1 names no scope.
    expect(asked?.get('scope') ?? 'sessions:read sessions:write').toBe(
      'sessions:read sessions:write',
    );
  });
});
