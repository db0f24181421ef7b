import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Balancer } from '../support/balancer.ts';
import type { ClientKind, McpClient } from '../support/clients.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import { Servers } from '../support/server-process.ts';

const KINDS: readonly ClientKind[] = ['v1', 'v2', 'v2 auto', 'v2 legacy'];
const CLIENTS_OF_EACH = 2;
const ROUNDS = 2;

const mongod = inject('mongod');

describe.each(['the embedded file', 'MongoDB'])('two servers on %s behind one address', (store) => {
  const skipped = store === 'MongoDB' && mongod === null;
  let servers: Servers;
  let balancer: Balancer;
  let database: Mongod | undefined;
  let env: Record<string, string>;
  beforeEach(async () => {
    if (skipped) return;
    servers = await Servers.open();
    balancer = await Balancer.open();
    env = { DRAIN_DELAY: '1s', LOG_LEVEL: 'warn' };
    if (store === 'MongoDB') {
      database = await startMongod(mongod as MongodBinary);
      env.MONGODB_URI = database.uri;
    } else {
      env.SESSIONS_DB = join(servers.directory, 'sessions.db');
    }
  });
  afterEach(async () => {
    balancer?.close();
    await servers?.close();
    await database?.stop();
  });

  const start = async () => {
    const server = await servers.spawnObserved({ env });
    await balancer.add(server);
    return server;
  };

  it.skipIf(skipped)('are restarted in turn, and no call of anybody fails', async () => {
    let running = [await start(), await start()];
    const http = new URL('/mcp', balancer.url);
    const loops = await Promise.all(
      KINDS.flatMap((kind) => Array<ClientKind>(CLIENTS_OF_EACH).fill(kind)).map(
        async (kind, number) => new Loop(await servers.connect(kind, { http }), `s${number}`),
      ),
    );
    const working = loops.map((loop) => loop.run());
    for (let round = 0; round < ROUNDS; round++) {
      for (const old of running) {
        const before = loops.map(({ acknowledged }) => acknowledged);
        old.signal('SIGTERM');
        const replacement = await start();
        expect(await old.exited).toEqual({ code: 0, signal: null });
        expect(old.stderr()).not.toContain('cut off');
        running = [...running.filter((server) => server !== old), replacement];
        for (const [number, loop] of loops.entries()) {
          await expect
            .poll(() => loop.acknowledged, { message: 'it went on' })
            .toBeGreaterThan(before[number] as number);
        }
      }
    }
    for (const loop of loops) loop.stopped = true;
    await Promise.all(working);
    expect(loops.flatMap(({ failures }) => failures)).toEqual([]);
    for (const loop of loops) await loop.verify();
  });
});

/** One agent that goes on adding to its session, and never repeats a call. */
class Loop {
  stopped = false;
  acknowledged = 0;
  readonly failures: string[] = [];
  readonly #client: McpClient;
  readonly #session_id: string;

  constructor(client: McpClient, session_id: string) {
    this.#client = client;
    this.#session_id = session_id;
  }

  async run(): Promise<void> {
    const session_id = this.#session_id;
    while (!this.stopped) {
      const messages = [{ role: 'user', content: String(this.acknowledged) }];
      if (await this.#succeeds('add_memory', { session_id, messages })) this.acknowledged += 1;
      await this.#succeeds('get_memory', { session_id });
    }
  }

  async #succeeds(tool: string, args: Record<string, unknown>): Promise<boolean> {
    try {
      const { isError, text } = await this.#client.callTool(tool, args);
      if (isError) this.failures.push(text);
      return !isError;
    } catch (error) {
      this.failures.push(String(error));
      return false;
    }
  }

  /** Every message that was acknowledged is there, once. */
  async verify(): Promise<void> {
    const { content } = await this.#client.callTool('get_session', {
      session_id: this.#session_id,
    });
    expect(content.session.message_count).toBe(this.acknowledged);
  }
}
