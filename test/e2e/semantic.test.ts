import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { McpClient } from '../support/clients.ts';
import { type EmbeddingsServer, startEmbeddingsServer } from '../support/embeddings-server.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

/** How long vectors may take to come, in milliseconds; they take some fifty. */
const PATIENCE_MS = 20_000;

const FILLER = Array.from({ length: 12 }, (_, i) => `filler number ${i}`);

/** Search by meaning, as a server does it whose embeddings come from a server of the tests' own. */
describe.each(E2E_DATABASES)('search by meaning in $name', ({ missing, open }) => {
  let endpoint: EmbeddingsServer;
  let servers: Servers;
  let database: E2eDatabase;
  let env: Record<string, string>;
  let client: McpClient;

  beforeEach(async () => {
    endpoint = await startEmbeddingsServer();
    servers = await Servers.open();
    database = open();
    env = {
      ...database.env,
      EMBEDDINGS_URL: endpoint.url,
      EMBEDDINGS_MODEL: endpoint.model,
      LOG_LEVEL: 'debug',
    };
  });
  afterEach(async () => {
    await servers.close();
    await database.drop();
    await endpoint.close();
  });

  const start = async (more: Record<string, string> = {}) => {
    client = await servers.connectStdio('v2', { env: { ...env, ...more } });
  };
  async function call(tool: string, args: Record<string, unknown>) {
    const { isError, text, content } = await client.callTool(tool, args);
    expect(isError, text).toBe(false);
    return content;
  }
  const add = (session_id: string, ...contents: string[]) =>
    call('add_memory', {
      session_id,
      messages: contents.map((content) => ({ role: 'user', content })),
    });
  const search = (query: string, args: Record<string, unknown> = {}) =>
    call('search_memory', { query, ...args });
  const said = ({ hits }: { hits: { message: { content: string } }[] }) =>
    hits.map(({ message }) => message.content);

  /** Searches until an answer is as it should be, since vectors come in the background. */
  async function eventually(
    attempt: () => Promise<{ mode: string; hits: { message: { content: string } }[] }>,
    found: (answer: { mode: string; hits: { message: { content: string } }[] }) => boolean,
  ) {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await attempt();
      if (found(answer) || performance.now() > deadline) return answer;
      await delay(20);
    }
  }

  const aboutCars = () =>
    eventually(
      () => search('automobile'),
      (answer) => said(answer)[0] === 'my car broke down',
    );

  it.skipIf(missing !== undefined)('finds what says it in other words', async () => {
    await start();
    await add('s', ...FILLER, 'my car broke down', ...FILLER);
    const answer = await aboutCars();
    expect(said(answer)[0]).toBe('my car broke down');
    expect(answer).toMatchObject({ mode: 'hybrid' });
    expect(JSON.stringify(answer)).not.toContain('vector');
    for (const { texts } of endpoint.requests) expect(texts.length).toBeLessThanOrEqual(32);
  });

  it.skipIf(missing !== undefined)(
    'never finds what is deleted, and no more what was replaced',
    async () => {
      await start();
      await add('gone', 'my car broke down');
      await add('s', ...FILLER);
      await aboutCars();
      await call('delete_session', { session_id: 'gone' });
      expect(said(await search('automobile'))).not.toContain('my car broke down');
      await call('restore_session', { session_id: 'gone' });
      const [{ uuid }] = (await call('list_messages', { session_id: 'gone' })).messages;
      endpoint.behaviour = 'hang';
      const better = { role: 'user', content: 'it rains', uuid };
      await call('add_memory', { session_id: 'gone', messages: [better] });
      endpoint.behaviour = 'answer';
      expect(said(await search('automobile'))).not.toContain('it rains');
    },
  );

  it.skipIf(missing !== undefined)(
    'does not keep add_memory waiting for an endpoint that hangs',
    async () => {
      endpoint.behaviour = 'hang';
      await start();
      await add('s', 'my car broke down');
      // The embeddings are still asked for, and will be for a minute.
      expect(endpoint.hungUp).toBe(0);
      const answer = await search('car');
      expect(said(answer)).toStrictEqual(['my car broke down']);
      expect(answer).toMatchObject({
        mode: 'lexical',
        advice: expect.stringContaining('does not answer in time'),
      });
    },
  );

  it.skipIf(missing !== undefined).each([
    [{ status: 500 }, 'fails'],
    [{ status: 401 }, 'refuses the API key'],
    ['reset', 'cannot be reached'],
    ['html', 'answers with something that is no vector'],
    ['NaN', 'answers with something that is no vector'],
  ] as const)(
    'finds by words what it can while the endpoint answers %j',
    async (behaviour, why) => {
      await start();
      await add('s', 'my car broke down');
      await aboutCars();
      endpoint.behaviour = behaviour;
      const answer = await search('car');
      expect(said(answer)).toStrictEqual(['my car broke down']);
      expect(answer).toMatchObject({ mode: 'lexical', advice: expect.stringContaining(why) });
      endpoint.behaviour = 'answer';
      expect(await search('car')).toMatchObject({ mode: 'hybrid' });
    },
  );

  it.skipIf(missing !== undefined)(
    'embeds what came while the endpoint was down once it is back',
    async () => {
      endpoint.behaviour = { status: 503 };
      await start();
      await add('s', ...FILLER, 'my car broke down');
      await expect.poll(() => endpoint.requests.length).toBeGreaterThan(0);
      endpoint.behaviour = 'answer';
      expect(said(await aboutCars())[0]).toBe('my car broke down');
    },
  );

  it.skipIf(missing !== undefined)(
    'says that the model changed, and finds again after mcp-sessions embed',
    async () => {
      await start();
      await add('s', ...FILLER, 'my car broke down');
      await aboutCars();
      await client.close();
      endpoint.model = 'better-model';
      await start({ EMBEDDINGS_MODEL: 'better-model' });
      const before = await search('automobile');
      expect(before.advice).toContain('mcp-sessions embed');
      expect(said(before)).toStrictEqual([]);
      const embed = () =>
        servers.spawn({ args: ['embed'], env: { ...env, EMBEDDINGS_MODEL: 'better-model' } });
      const first = embed();
      expect(await first.exited).toMatchObject({ code: 0 });
      expect(first.stdout()).toContain('embedded 13 messages');
      expect(said(await search('automobile'))[0]).toBe('my car broke down');
      const again = embed();
      expect(await again.exited).toMatchObject({ code: 0 });
      expect(again.stdout()).not.toContain('embedded');
    },
  );

  it.skipIf(missing !== undefined)(
    'ends embed with an error while the endpoint is down',
    async () => {
      await start({ EMBEDDINGS_URL: 'http://127.0.0.1:9/v1' });
      await add('s', 'my car broke down');
      await client.close();
      const embed = servers.spawn({
        args: ['embed'],
        env: { ...env, EMBEDDINGS_URL: 'http://127.0.0.1:9/v1' },
      });
      expect(await embed.exited).toMatchObject({ code: 1 });
      expect(embed.stderr()).toContain('Run the command again');
    },
  );

  it.skipIf(missing !== undefined)(
    'does not go on by words with what it began by meaning',
    async () => {
      await start();
      await add('s', 'my car broke down', 'the automobile', 'a car');
      await aboutCars();
      const { next_cursor: cursor } = await search('car', { limit: 1 });
      endpoint.behaviour = { status: 500 };
      const { isError, text } = await client.callTool('search_memory', {
        ...{ query: 'car', limit: 1, cursor },
      });
      expect([isError, text]).toStrictEqual([true, expect.stringContaining('UNAVAILABLE')]);
      const byWords = await search('car', { limit: 1 });
      endpoint.behaviour = 'answer';
      const rest = await search('car', { limit: 1, cursor: byWords.next_cursor });
      expect(rest).toMatchObject({ mode: 'lexical' });
    },
  );

  it.skipIf(missing !== undefined)(
    'never shows the endpoint what is deleted, and forgets what a message meant before',
    async () => {
      endpoint.behaviour = { status: 503 };
      await start();
      await add('gone', 'the deleted car');
      const uuid = randomUUID();
      const message = { role: 'user', content: 'a car', uuid };
      await call('add_memory', { session_id: 's', messages: [message] });
      await call('delete_session', { session_id: 'gone' });
      await client.close();
      endpoint.behaviour = 'answer';
      endpoint.requests.length = 0;
      expect(await servers.spawn({ args: ['embed'], env }).exited).toMatchObject({ code: 0 });
      const texts = endpoint.requests.flatMap((request) => request.texts);
      expect(texts).toStrictEqual(['a car']);
      endpoint.behaviour = { status: 503 };
      await start();
      const other = { ...message, content: 'a puppy' };
      await call('add_memory', { session_id: 's', messages: [other] });
      await client.close();
      endpoint.behaviour = 'answer';
      const again = servers.spawn({ args: ['embed'], env });
      await again.exited;
      expect(again.stdout()).toContain('embedded 1 messages');
    },
  );

  it.skipIf(missing !== undefined)('puts what says the same further back if asked to', async () => {
    await start();
    await add('s', 'the car is red', 'x', 'x', 'x', 'the car is red', 'x', 'x', 'x', 'a car race');
    await eventually(
      () => search('automobile'),
      (answer) => said(answer).length >= 3,
    );
    const diverse = said(await search('red car', { diverse: true }));
    expect(diverse.slice(0, 2)).not.toStrictEqual(['the car is red', 'the car is red']);
  });

  it.skipIf(missing !== undefined)('shows the key to the endpoint and to nobody else', async () => {
    endpoint.key = 'secret-key-4711';
    const more = { EMBEDDINGS_API_KEY: 'secret-key-4711' };
    const server = await servers.spawnHttp({ env: { ...env, ...more } });
    client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    await add('s', 'my car broke down');
    await aboutCars();
    endpoint.key = 'another';
    const answer = await search('car');
    expect(JSON.stringify(answer)).not.toContain('4711');
    await server.kill('SIGTERM');
    expect(server.stderr()).toContain('search_memory');
    expect(server.stderr()).not.toContain('4711');
  });
});
