import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import type { ClientKind, McpClient } from '../support/clients.ts';
import { AUDIENCE, Issuer } from '../support/issuer.ts';
import { EVERY_TOOLSET, READING } from '../support/offered.ts';
import { type Endpoint, Servers } from '../support/server-process.ts';
import { grant } from '../support/tokens.ts';

const ADMINISTERING = ['delete_user', 'restore_user'];
const names = TOOLS.map(({ name }) => name);

let servers: Servers;
let endpoint: Endpoint;
let issuer: Issuer;
let file: string;

beforeAll(async () => {
  servers = await Servers.open();
  issuer = await Issuer.open();
  file = join(servers.directory, 'tokens.json');
  await grant(file, 'acme');
  endpoint = await servers.serve('Streamable HTTP', {
    args: EVERY_TOOLSET,
    env: {
      ...{ AUTH_TOKENS_FILE: file, AUTH_JWT_ISSUER: issuer.url, AUTH_JWT_AUDIENCE: AUDIENCE },
      ...{ AUTH_JWT_NAMESPACE_CLAIM: 'https://acme.example/tenant', AUTH_JWT_USER_CLAIM: 'sub' },
    },
  });
});
afterAll(async () => {
  issuer?.close();
  await servers?.close();
});

async function connect(kind: ClientKind, granted: Parameters<typeof grant>[2]): Promise<McpClient> {
  const token = await grant(file, randomUUID(), granted);
  // The server looks at the file once a second.
  const tries = async () => {
    try {
      return await endpoint.connect(kind, token);
    } catch {
      return undefined;
    }
  };
  let client: McpClient | undefined;
  await expect.poll(async () => (client = await tries())).toBeDefined();
  return client as McpClient;
}

const offered = async (client: McpClient) => (await client.listTools()).map(({ name }) => name);

/** Tools that are not offered are as unknown as those that do not exist. */
async function expectUnknown(client: McpClient, tools: readonly string[]): Promise<void> {
  const refusal = async (tool: string) => {
    const call = client.callTool(tool, { session_id: 'x', user_id: 'x' });
    const { code, message } = await call.catch((error) => error);
    return { code, message: message.replaceAll(tool, 'TOOL') };
  };
  const unknown = await refusal('no_such_tool');
  expect(unknown.code).toBe(-32602);
  for (const tool of tools) expect(await refusal(tool), tool).toEqual(unknown);
}

describe.each<ClientKind>(['v1', 'v2'])('what a %s client is offered', (kind) => {
  it('with sessions:read is what reads', async () => {
    const client = await connect(kind, { scopes: ['sessions:read'] });
    expect(await offered(client)).toEqual(READING);
    expect(client.instructions).not.toContain('add_facts');
    await expectUnknown(
      client,
      names.filter((name) => !READING.includes(name)),
    );
    expect((await client.listResources()).resources).toEqual([]);
    // Its text tells the model to call tools that are not there.
    expect(await client.listPrompts()).toEqual([]);
  });

  it('with sessions:write is what writes, and no resource, prompt or completion', async () => {
    const client = await connect(kind, { scopes: ['sessions:write'] });
    const writing = names.filter((name) => ![...READING, ...ADMINISTERING].includes(name));
    expect(await offered(client)).toEqual(writing);
    await expectUnknown(client, [...READING, ...ADMINISTERING]);
    for (const attempt of [
      () => client.readResource('session://x'),
      () => client.getPrompt('resume_session', { session_id: 'x' }),
      () => client.complete('session://{session_id}', 'session_id', ''),
    ]) {
      await expect(attempt()).rejects.toThrow();
    }
    // In the modern era a subscription that the server does not grant is no error: it ends at once.
    await client.subscribe('session://x').catch(() => undefined);
    await client.callTool('add_session', { session_id: 'x' });
    expect(client.updates).toEqual([]);
  });

  it('with both is all but what administrators do', async () => {
    const client = await connect(kind, {});
    expect(client.instructions).toContain('add_facts');
    expect(await offered(client)).toEqual(names.filter((name) => !ADMINISTERING.includes(name)));
    await expectUnknown(client, ADMINISTERING);
    expect(await client.listPrompts()).toHaveLength(3);
  });

  it('with admin is everything', async () => {
    const client = await connect(kind, { scopes: ['admin'] });
    expect(await offered(client)).toEqual(names);
    expect((await client.listResources()).resources).toEqual([]);
  });

  it('pinned to a user is nothing that adds, deletes or restores users, whatever the scopes', async () => {
    const beyond = ['add_user', 'delete_user', 'restore_user'];
    const client = await connect(kind, { scopes: ['admin'], user_id: 'ada' });
    expect(await offered(client)).toEqual(names.filter((name) => !beyond.includes(name)));
    await expectUnknown(client, beyond);
    expect(client.instructions).toContain('"ada/"');
    expect(client.instructions).not.toContain('add_user');
  });
});

describe('a JWT', () => {
  it('gives the namespace and the pin by the claims that are configured', async () => {
    const claims = { 'https://acme.example/tenant': 'jwt', namespace: 'other' };
    const [ada, bob] = (await Promise.all(
      ['ada', 'bob'].map(async (sub) =>
        endpoint.connect('v2', await issuer.sign({ ...claims, sub })),
      ),
    )) as [McpClient, McpClient];
    const messages = [{ role: 'user', content: 'hello' }];
    const added = await ada.callTool('add_memory', { session_id: 'ada/1', messages });
    expect(added.isError, added.text).toBe(false);
    const { content } = await ada.callTool('get_session', { session_id: 'ada/1' });
    expect(content.session.user_id).toBe('ada');
    expect((await bob.callTool('get_session', { session_id: 'ada/1' })).isError).toBe(true);
    expect(
      (await bob.callTool('add_memory', { session_id: 'ada/2', messages })).content.error.code,
    ).toBe('PERMISSION_DENIED');
  });

  it('is refused where it should pin and does not', async () => {
    // `sub` is in every token, so its identifier has to be one that users can have.
    const sub = 'x'.repeat(1025);
    const token = await issuer.sign({ 'https://acme.example/tenant': 'jwt', sub });
    await expect(endpoint.connect('v2', token)).rejects.toThrow(/401/);
  });
});
