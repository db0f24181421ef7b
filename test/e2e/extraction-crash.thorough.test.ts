import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type ChatServer, startChatServer } from '../support/chat-server.ts';
import type { McpClient } from '../support/clients.ts';
import { type MongodBinary, startMongod } from '../support/mongod.ts';
import { Random } from '../support/random.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';

/** How many times something is killed, and how long after the model was asked, in milliseconds. */
const KILLS = Number(process.env.EXTRACTION_KILLS ?? 3);
const AFTER_CALL_MS = { least: 0, most: 3000 };

/** How long the rest of the messages may take to be read, in milliseconds: a lease and a back-off are in it. */
const PATIENCE = { timeout: 240_000, interval: 50 };

const USERS = ['ada', 'bob'];
const ARGS = ['--toolsets', 'sessions,memory,users,facts'];
const seed = process.env.EXTRACTION_SEED ?? 'extraction';

const mongod = inject('mongod');
const without = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

let endpoint: ChatServer;
let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
  endpoint = await startChatServer();
  let calls = 0;
  // No two calls say the same of a message: a batch that was applied twice shows as two facts.
  endpoint.answer = ({ messages }) => {
    const call = ++calls;
    return {
      entities: [{ name: 'Somebody' }, ...messages.map(({ text }) => ({ name: text }))],
      facts: messages.map(({ number, text }) => ({
        ...{ subject: 'Somebody', predicate: 'SAID', object: text },
        ...{ fact: `${text} (call ${call})`, messages: [number] },
      })),
    };
  };
  endpoint.behaviour = { delay: 150 };
});
afterEach(async () => {
  await servers.close();
  await endpoint.close();
});

/** A server that extracts, and comes back when it was killed. */
class Victim {
  readonly #env: Record<string, string>;
  #server: ServerProcess | undefined;

  constructor(env: Record<string, string>) {
    this.#env = env;
  }

  async start(): Promise<void> {
    this.#server = await servers.spawnHttp({ args: ARGS, env: this.#env });
  }

  async kill(): Promise<void> {
    await this.#server?.kill('SIGKILL');
    await this.start();
  }
}

/** Writes messages until it is told to stop. A call that failed is repeated with its uuids. */
async function write(client: McpClient, stop: AbortSignal, said: string[]): Promise<void> {
  for (let i = 0; !stop.aborted; i++) {
    const user_id = USERS[i % USERS.length] as string;
    const texts = Array.from({ length: 1 + (i % 5) }, (_, j) => `${user_id} said word${i}x${j}`);
    const messages = texts.map((content, j) => ({
      ...{ role: 'user', content },
      uuid: `00000000-0000-4000-8000-${(i * 10 + j).toString(16).padStart(12, '0')}`,
    }));
    const args = { session_id: `${user_id} ${i % 3}`, user_id, messages };
    while ((await client.callTool('add_memory', args)).isError) await delay(200);
    said.push(...texts);
    await delay(60);
  }
}

/** What each fact says, without the number of the call. */
async function knownFacts(client: McpClient): Promise<string[]> {
  const facts: string[] = [];
  for (const user_id of USERS) {
    let cursor: string | undefined;
    do {
      const args = { user_id, limit: 100, include_ended: true, ...(cursor && { cursor }) };
      const { isError, content } = await client.callTool('search_facts', args);
      if (isError) return [];
      facts.push(...content.facts.map(({ fact }: { fact: string }) => fact));
      cursor = content.next_cursor;
    } while (cursor !== undefined);
  }
  return facts.map((fact) => fact.replace(/ \(call \d+\)$/, '')).toSorted();
}

async function run(store: Record<string, string>, crash: (random: Random) => Promise<void>) {
  const env = {
    ...store,
    ...{ GRAPH_LLM_URL: endpoint.url, GRAPH_LLM_MODEL: 'test-model', GRAPH_LLM_WAIT: '0s' },
    ...{ GRAPH_LLM_CALLS_PER_MINUTE: '10000', GRAPH_LLM_TOKENS_PER_DAY: '999999999' },
  };
  const victims = [new Victim(env), new Victim(env)];
  const keeper = await servers.connectStdio('v2', { args: ARGS, env: store });
  for (const user_id of USERS) await keeper.callTool('add_user', { user_id });
  await Promise.all(victims.map((victim) => victim.start()));
  const random = new Random(seed);
  const stop = new AbortController();
  const said: string[] = [];
  const writing = write(keeper, stop.signal, said);
  for (let kills = 0; kills < KILLS; kills++) {
    const calls = endpoint.calls.length;
    await expect.poll(() => endpoint.calls.length, PATIENCE).toBeGreaterThan(calls);
    await delay(random.between(AFTER_CALL_MS.least, AFTER_CALL_MS.most));
    await Promise.all([
      crash(random),
      ...victims.filter(() => random.chance(0.8)).map((victim) => victim.kill()),
    ]);
  }
  stop.abort();
  await writing;
  await expect.poll(async () => (await knownFacts(keeper)).length, PATIENCE).toBe(said.length);
  // Whatever is late would come now.
  await delay(3000);
  expect(await knownFacts(keeper)).toStrictEqual(said.toSorted());
  const answered = endpoint.calls.flatMap(({ input }) => input?.messages ?? []).length;
  process.stderr.write(
    `${said.length} messages, ${endpoint.calls.length} calls, ${answered - said.length} messages asked for again\n`,
  );
}

describe('kill -9 while facts are extracted', () => {
  it('of two servers on one file loses and doubles nothing, and it goes on by itself', async () => {
    const file = join(servers.directory, 'sessions.db');
    await run({ SESSIONS_DB: file }, async () => {});
  });

  it.skipIf(mongod === null)(
    `of two servers and of their MongoDB loses and doubles nothing${without}`,
    async () => {
      const binary = mongod as MongodBinary;
      let database = await startMongod(binary, {});
      try {
        const { dbPath, port, uri } = database;
        await run({ MONGODB_URI: uri }, async (random) => {
          if (random.chance(0.5)) return;
          await database.kill();
          await delay(random.between(0, 3000));
          database = await startMongod(binary, { dbPath, port });
        });
      } finally {
        await database.stop();
      }
    },
  );
});
