import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import type { ClientKind, McpClient, ServerAddress } from '../support/clients.ts';
import { hangUp } from '../support/hang-up.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { send } from '../support/raw-http.ts';
import { type ObservedServer, Servers } from '../support/server-process.ts';

/** How long each store is kept busy; by hand, up to ten minutes. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 30);
const SAMPLES = 30;

/** How much more may be in use in the last third than in the one before it. */
const GROWTH = 1.15;

/** An hour's worth for an agent that calls once a second; it goes on until that is done. */
const CALLS = 3600;

/** After how many rounds a client hangs up and another one comes. */
const ROUNDS_A_CLIENT = 5;

const PRELOAD = pathToFileURL(
  fileURLToPath(new URL('../support/report-memory.mjs', import.meta.url)),
);
const WAYS: [ClientKind, '/mcp' | '/sse'][] = [
  ['v1', '/mcp'],
  ['v2', '/mcp'],
  ['v2 legacy', '/mcp'],
  ['v1', '/sse'],
];

interface Report {
  memory: { used: number; rss: number };
  resources: Record<string, number>;
}

const mongod = inject('mongod');

describe.each(['the embedded file', 'MongoDB'])('a server on %s that is kept busy', (store) => {
  const skipped = store === 'MongoDB' && mongod === null;
  let servers: Servers;
  let database: Mongod | undefined;
  let server: ObservedServer;
  beforeEach(async () => {
    if (skipped) return;
    servers = await Servers.open();
    if (store === 'MongoDB') database = await startMongod(mongod as MongodBinary);
    server = await servers.spawnObserved({
      args: EVERY_TOOLSET,
      env: {
        ...(database && { MONGODB_URI: database.uri }),
        NODE_OPTIONS: `--import=${PRELOAD}`,
        // What is deleted goes soon, so that the store stays as small as it is.
        ...{ PURGE_AFTER: '1s', PURGE_EVERY: '1s', LOG_LEVEL: 'warn' },
      },
    });
  });
  afterEach(async () => {
    await servers?.close();
    await database?.stop();
  });

  async function report(): Promise<Report> {
    const said = () =>
      server
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{"memory"'));
    const before = said().length;
    server.signal('SIGUSR2');
    while (said().length === before) await delay(10);
    return JSON.parse(said().at(-1) as string);
  }

  async function metric(name: string): Promise<number> {
    const { body } = await send(`${server.opsUrl}/metrics`);
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(body)?.[1]);
  }

  it.skipIf(skipped)(
    'holds no more memory and no more connections as time goes by',
    async () => {
      const workers = WAYS.map(([kind, path], number) => {
        const url = new URL(path, server.url);
        const address: ServerAddress = path === '/sse' ? { sse: url } : { http: url };
        return new Worker(() => servers.connect(kind, address), `worker-${number}`);
      });
      await workers[0]?.once();
      const atRest = await settled();
      const working = workers.map((worker) => worker.run());
      const samples: Report[] = [];
      const connections: number[] = [];
      for (let i = 0; i < SAMPLES; i++) {
        await delay((SECONDS * 1000) / SAMPLES);
        samples.push(await report());
        if (database !== undefined) connections.push(await connectionsTo(database.uri));
      }
      while (workers.reduce((sum, { calls }) => sum + calls, 0) < CALLS) await delay(100);
      for (const worker of workers) worker.stopped = true;
      await Promise.all(working);

      expect(workers.flatMap(({ failures }) => failures).slice(0, 5)).toEqual([]);
      const used = (of: keyof Report['memory']) => samples.map(({ memory }) => memory[of]);
      for (const series of [used('used'), used('rss')]) {
        const { middle, last } = thirds(series);
        expect(last / middle, series.join(' ')).toBeLessThan(GROWTH);
      }
      if (database !== undefined) {
        const { middle, last } = thirds(connections);
        expect(last, connections.join(' ')).toBeLessThanOrEqual(middle + 2);
      }
      const after = await settled();
      for (const kind of ['TCPSocketWrap', 'TCPServerWrap', 'Timeout', 'FSReqCallback']) {
        const [before, now] = [atRest.resources[kind] ?? 0, after.resources[kind] ?? 0];
        expect([kind, now - before <= 2]).toEqual([kind, true]);
      }
    },
    SECONDS * 2000 + 180_000,
  );

  /**
   * What the server holds once nobody is connected to it, without the pool of the driver: that keeps as
   * many connections as were needed at once, which the test of the connections is about.
   */
  async function settled(): Promise<Report> {
    await hangUp();
    for (const held of ['open_connections', 'open_streams', 'calls_in_flight', 'body_bytes']) {
      await expect.poll(() => metric(`mcp_sessions_${held}`)).toBe(0);
    }
    const { resources, ...rest } = await report();
    const pooled = database === undefined ? 0 : await connectionsTo(database.uri);
    return {
      ...rest,
      resources: { ...resources, TCPSocketWrap: (resources.TCPSocketWrap ?? 0) - pooled },
    };
  }
});

/** The medians of the last two thirds of a series: in the first, all that is used once is loaded. */
function thirds(series: readonly number[]): { middle: number; last: number } {
  const size = Math.floor(series.length / 3);
  const median = (part: number[]) => part.toSorted((a, b) => a - b)[part.length >> 1] as number;
  return { middle: median(series.slice(size, 2 * size)), last: median(series.slice(2 * size)) };
}

async function connectionsTo(uri: string): Promise<number> {
  const client = new MongoClient(uri);
  try {
    const status = await client.db('admin').command({ serverStatus: 1 });
    return status.connections?.current ?? 1;
  } finally {
    await client.close();
  }
}

/** Somebody who uses every tool, resource and prompt, round after round, and leaves nothing behind. */
class Worker {
  stopped = false;
  calls = 0;
  readonly failures: string[] = [];
  readonly #connect: () => Promise<McpClient>;
  readonly #name: string;
  readonly #used = new Set<string>();

  constructor(connect: () => Promise<McpClient>, name: string) {
    this.#connect = connect;
    this.#name = name;
  }

  async run(): Promise<void> {
    try {
      for (let round = 0; !this.stopped; round += ROUNDS_A_CLIENT) await this.#visit(round);
      expect([...this.#used].toSorted()).toEqual(TOOLS.map(({ name }) => name).toSorted());
    } catch (error) {
      this.failures.push(String(error));
    }
  }

  /** One client's work, so that all has been used that takes memory once. */
  async once(): Promise<void> {
    await this.#visit(-ROUNDS_A_CLIENT);
  }

  async #visit(first: number): Promise<void> {
    const client = await this.#connect();
    for (let round = first; round < first + ROUNDS_A_CLIENT; round++) {
      await this.#round(client, `${this.#name}-${round}`);
    }
    await client.close();
  }

  async #round(client: McpClient, id: string): Promise<void> {
    const call = async (tool: string, args: Record<string, unknown>) => {
      const answer = await client.callTool(tool, args);
      this.calls += 1;
      this.#used.add(tool);
      if (answer.isError) this.failures.push(`${tool}: ${answer.text}`);
      return answer.content;
    };
    const session = { session_id: id };
    const user = { user_id: id };
    const uri = `session://${id}`;
    await call('add_user', { ...user, metadata: { n: 1 } });
    await call('add_session', { ...session, ...user });
    const end = await client.subscribe(uri).catch(() => undefined);
    const messages = Array.from({ length: 20 }, (_, n) => ({
      role: 'user',
      content: `message ${n} `.repeat(20),
    }));
    const added = await call('add_memory', { ...session, messages });
    const [{ uuid }] = added.messages;
    await call('search_memory', { query: 'What was said?', ...user, neighbours: 1 });
    await call('get_memory', session);
    await call('list_messages', { ...session, limit: 5 });
    await call('update_message_metadata', { ...session, uuid, metadata: { a: 1 } });
    await call('set_summary', { ...session, content: 'short', up_to_seq: 10 });
    await call('update_session_metadata', { ...session, metadata: { b: [1, 2] } });
    await call('update_session', { ...session, title: 'soaked' });
    await call('delete_messages', { ...session, uuids: [uuid] });
    await call('restore_messages', { ...session, uuids: [uuid] });
    await call('get_session', session);
    await call('list_sessions', user);
    await call('get_user', user);
    await call('list_users', { limit: 10 });
    await call('update_user', { ...user, first_name: 'Ada' });
    const fact = { subject: id, predicate: 'LIKES', object: 'tea', fact: `${id} likes tea` };
    const known = await call('add_facts', {
      ...{ ...user, facts: [fact], source: { ...session, uuids: [uuid] } },
    });
    const facts = { ...user, uuids: [known.facts[0].uuid] };
    await call('search_facts', { ...user, query: 'What does the user like?' });
    await call('get_entity', { ...user, name: 'tea' });
    await call('update_fact', { ...user, uuid: facts.uuids[0], fact: `${id} loves tea` });
    await call('delete_facts', facts);
    await call('restore_facts', facts);
    await call('delete_entity', { ...user, name: 'tea' });
    await client.readResource(uri);
    await client.getPrompt('resume_session', session);
    await client.complete('session://{session_id}', 'session_id', id);
    const wrong = await client.callTool('get_session', { session_id: '' });
    expect(wrong.isError).toBe(true);
    await call('delete_session', session);
    await call('restore_session', session);
    await end?.();
    await call('delete_user', user);
    await call('restore_user', user);
    await call('delete_user', user);
    this.calls += 4;
  }
}
