import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ChatServer, startChatServer } from '../support/chat-server.ts';
import type { McpClient } from '../support/clients.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

/** How long an extraction may take to come, in milliseconds. */
const PATIENCE = { timeout: 30_000, interval: 100 };

const ARGS = ['--toolsets', 'sessions,memory,users,facts'];

/** Servers whose model is a server of the tests' own. */
describe.each(E2E_DATABASES)('facts by a model of the server, in $name', ({ missing, open }) => {
  let endpoint: ChatServer;
  let servers: Servers;
  let database: E2eDatabase;
  let env: Record<string, string>;
  let client: McpClient;

  beforeEach(async () => {
    endpoint = await startChatServer();
    endpoint.key = 'sk-model-secret';
    servers = await Servers.open();
    database = open();
    env = {
      ...database.env,
      ...{ GRAPH_LLM_URL: endpoint.url, GRAPH_LLM_MODEL: 'test-model', GRAPH_LLM_WAIT: '0s' },
      ...{ GRAPH_LLM_API_KEY: endpoint.key, LOG_LEVEL: 'debug' },
    };
  });
  afterEach(async () => {
    await servers.close();
    await database.drop();
    await endpoint.close();
  });

  const connect = async (more: Record<string, string> = {}, args: string[] = []) => {
    client = await servers.connectStdio('v2', {
      args: [...ARGS, ...args],
      env: { ...env, ...more },
    });
  };
  async function call(tool: string, args: Record<string, unknown>) {
    const { isError, text, content } = await client.callTool(tool, args);
    expect(isError, text).toBe(false);
    return content;
  }
  const say = (session_id: string, ...texts: string[]) =>
    call('add_memory', {
      ...{ session_id, user_id: 'ada' },
      messages: texts.map((content) => ({ role: 'user', content })),
    });
  const facts = async () => {
    const found = await call('search_facts', { user_id: 'ada' });
    return found.facts.map(({ fact }: { fact: string }) => fact).toSorted();
  };
  async function graph(...args: string[]) {
    const command = servers.spawn({ args: ['graph', ...args], env });
    const { code } = await command.exited;
    return { code, stdout: command.stdout(), stderr: command.stderr() };
  }

  it.skipIf(missing !== undefined)('come by themselves, and survive a restart', async () => {
    await connect();
    await call('add_user', { user_id: 'ada' });
    await say('s', 'Ada likes tea.', 'Hm.');
    await expect.poll(facts, PATIENCE).toStrictEqual(['Ada likes tea.']);
    await client.close();
    await connect();
    await say('s', 'Ada likes milk.');
    await expect.poll(facts, PATIENCE).toStrictEqual(['Ada likes milk.', 'Ada likes tea.']);
    const read = endpoint.calls.flatMap(
      ({ input }) => input?.messages.map(({ text }) => text) ?? [],
    );
    expect(read).toStrictEqual(['Ada likes tea.', 'Hm.', 'Ada likes milk.']);
  });

  it.skipIf(missing !== undefined)('are counted by the metrics, without contents', async () => {
    const server = await servers.spawnObserved({ args: ARGS, env });
    client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    await call('add_user', { user_id: 'ada' });
    await say('s', 'Ada likes tea.', 'Hm.');
    const facts = () => server.metric('mcp_sessions_extraction_facts_total');
    await expect.poll(facts, PATIENCE).toBe(1);
    expect(await server.metric('mcp_sessions_extraction_messages_total')).toBe(2);
    expect(await server.metric('mcp_sessions_extraction_tokens_total')).toBe(100);
    expect(await server.metric('mcp_sessions_extraction_leads')).toBe(1);
    expect(await server.metrics()).toContain(
      'mcp_sessions_extraction_batches_total{outcome="read"} 1',
    );
    expect(server.stderr()).toContain('facts were extracted');
    expect(server.stderr()).not.toMatch(/tea|sk-model-secret/);
  });

  it.skipIf(missing !== undefined)('are not waited for by add_memory', async () => {
    endpoint.behaviour = 'hang';
    await connect();
    await call('add_user', { user_id: 'ada' });
    await say('s', 'Ada likes tea.');
    await expect.poll(() => endpoint.calls.length, PATIENCE).toBe(1);
    await say('s', 'Ada likes milk.');
    expect(await facts()).toStrictEqual([]);
  });

  it.skipIf(missing !== undefined)('are not extracted by a server that only reads', async () => {
    await connect({ GRAPH_LLM_WAIT: '1h' });
    await call('add_user', { user_id: 'ada' });
    await say('s', 'Ada likes tea.');
    await client.close();
    await connect({}, ['--read-only']);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(endpoint.calls).toHaveLength(0);
  });

  it.skipIf(missing !== undefined)(
    'are shown, worked off and begun anew by mcp-sessions graph',
    async () => {
      await connect({ GRAPH_LLM_WAIT: '24h' });
      await call('add_user', { user_id: 'ada' });
      await say('s', 'Ada likes tea.', 'Ada likes milk.');
      await say('t', 'Hm.');
      await client.close();
      const before = await graph('status');
      expect(before.stdout).toContain('Backlog: 3 messages in 2 sessions.');
      expect(before.stdout).toContain('No process extracts facts');
      const run = await graph('run');
      expect(run, run.stderr).toMatchObject({ code: 0 });
      expect(run.stdout).toContain('Backlog: 0 messages in 0 sessions.');
      expect(run.stdout).toMatch(/1 call, 100 tokens of 1000000, 1 batch with 2 new facts/);
      const rebuilt = await graph('rebuild', 'ada');
      expect(rebuilt, rebuilt.stderr).toMatchObject({ code: 0 });
      expect(rebuilt.stdout).toContain('2 sessions of that user will be read again');
      expect((await graph('status')).stdout).toContain('Backlog: 3 messages in 2 sessions.');
      expect((await graph('run')).stdout).toMatch(/2 calls, .*2 batches with 2 new facts/);
      expect(endpoint.calls).toHaveLength(2);
      const nobody = await graph('rebuild', 'nobody');
      expect(nobody.code).toBe(1);
      expect(nobody.stderr).toMatch(/user/i);
      await connect({ GRAPH_LLM_WAIT: '24h' });
      expect(await facts()).toStrictEqual(['Ada likes milk.', 'Ada likes tea.']);
      await expect
        .poll(async () => (await graph('status')).stdout, PATIENCE)
        .toContain('The process');
      const second = await graph('run');
      expect(second.code).toBe(1);
      expect(second.stderr).toContain('extracts facts already');
    },
    90_000,
  );

  it.skipIf(missing !== undefined)('are blocked by a wrong key, which no log has', async () => {
    await connect({ GRAPH_LLM_API_KEY: 'sk-wrong-secret' });
    await call('add_user', { user_id: 'ada' });
    await say('s', 'Ada likes tea.');
    await expect.poll(() => endpoint.calls.length, PATIENCE).toBeGreaterThan(0);
    await client.close();
    const run = servers.spawn({
      args: ['graph', 'run'],
      env: { ...env, GRAPH_LLM_API_KEY: 'sk-wrong-secret' },
    });
    expect(await run.exited).toMatchObject({ code: 1 });
    expect(run.stderr()).toContain('Check the API key');
    expect(run.stderr()).not.toContain('sk-wrong-secret');
    expect(run.stderr()).not.toContain('tea');
    expect((await graph('run')).code).toBe(0);
  });
});
