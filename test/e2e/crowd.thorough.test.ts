import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { McpClient } from '../support/clients.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import { Servers } from '../support/server-process.ts';

const PROCESSES = 4;
const LOOPS = 4;
const SECONDS = 10;

/** How many rounds of a loop go to the same shared session before all move on to the next. */
const EPOCH = 20;

const TOGGLED = ['toggled-0', 'toggled-1', 'toggled-2'];

type Metadata = Record<string, unknown>;

/** What a session may look like; `undefined` if it was never added. */
type State = { metadata: Metadata; deleted: boolean } | undefined;

const mongod = inject('mongod');

describe('four servers on one embedded file', () => {
  let servers: Servers;
  beforeEach(async () => {
    servers = await Servers.open();
  });
  afterEach(() => servers.close());

  it('lose no acknowledged change and fail no call', () => run(servers, {}));

  it('lose no acknowledged change and fail no other call when one is killed', () =>
    run(servers, {}, killOne));
});

describe.skipIf(mongod === null)(
  `four servers on one MongoDB${mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : ''}`,
  () => {
    let servers: Servers;
    let database: Mongod;
    beforeEach(async () => {
      servers = await Servers.open();
      database = await startMongod(mongod as MongodBinary);
    });
    afterEach(async () => {
      await servers.close();
      await database.stop();
    });

    it('lose no acknowledged change and fail no call', () =>
      run(servers, { MONGODB_URI: database.uri }));

    it('lose no acknowledged change and fail no other call when one is killed', () =>
      run(servers, { MONGODB_URI: database.uri }, killOne));

    it('lose no acknowledged change and fail no call when the primary steps down', () =>
      run(servers, { MONGODB_URI: database.uri }, () => stepDown(database.uri)));
  },
);

/** Lets everybody work on the same store, with `incident` in the middle, then looks at the result. */
async function run(
  servers: Servers,
  env: Record<string, string>,
  incident: (crowd: Crowd) => Promise<void> = async () => {},
): Promise<void> {
  const crowd = new Crowd(() => servers.connectStdio('v2', { env }));
  await crowd.prepare();
  const joined = Array.from({ length: PROCESSES }, () => crowd.join());
  await delay((SECONDS * 1000) / 2);
  await incident(crowd);
  await delay((SECONDS * 1000) / 2);
  // On a busy machine, whoever came last takes longer.
  await expect
    .poll(() => crowd.fewestAnswers, { timeout: 60_000, message: 'answers of each' })
    .toBeGreaterThan(10);
  crowd.stopped = true;
  await Promise.all(joined);
  await crowd.ended();
  expect(crowd.problems.slice(0, 10), `${crowd.problems.length} problems`).toEqual([]);
  await crowd.verify();
}

async function killOne(crowd: Crowd): Promise<void> {
  await crowd.kill();
  // Somebody comes in its place, and finds a store that was left in the middle of something.
  await crowd.join();
}

async function stepDown(uri: string): Promise<void> {
  const client = new MongoClient(uri, { directConnection: true });
  const admin = client.db('admin');
  // The answer may get lost, since a primary that steps down may close its connections.
  await admin.command({ replSetStepDown: 2, force: true }).catch(() => undefined);
  expect((await admin.command({ hello: 1 })).isWritablePrimary).toBe(false);
  await client.close();
}

/** Thrown to a loop whose server was killed: what it asked for last may or may not have happened. */
class Gone extends Error {}

/** Everybody at work, and what they have been promised. */
class Crowd {
  stopped = false;
  /** Answers that nobody should have got. */
  readonly problems: string[] = [];
  /** What each session of one loop's own may look like: more than one thing while a call is open. */
  readonly #own = new Map<string, State[]>();
  /** The keys whose merge into a shared session was acknowledged. */
  readonly #shared = new Map<string, Set<string>>();
  /** How many were told that it was they who added a shared session. */
  readonly #adders = new Map<string, number>();
  readonly #connect: () => Promise<McpClient>;
  readonly #clients: McpClient[] = [];
  readonly #killed = new Set<McpClient>();
  readonly #loops: Promise<void>[] = [];
  /** How many answers each of those at work got. */
  readonly #answers = new Map<McpClient, number>();

  constructor(connect: () => Promise<McpClient>) {
    this.#connect = connect;
  }

  async prepare(): Promise<void> {
    const client = await this.#connect();
    for (const session_id of TOGGLED) {
      await this.#call(client, 'add_session', { session_id, metadata: { session_id } });
    }
    await client.close();
  }

  /** Starts another server, and loops that keep it busy. */
  async join(): Promise<void> {
    const client = await this.#connect();
    const number = this.#clients.push(client);
    this.#answers.set(client, 0);
    for (let loop = 0; loop < LOOPS; loop++)
      this.#loops.push(this.#work(client, `${number}-${loop}`));
  }

  async kill(): Promise<void> {
    const [victim] = this.#clients as [McpClient];
    this.#killed.add(victim);
    this.#answers.delete(victim);
    process.kill(victim.pid as number, 'SIGKILL');
    await victim.closed;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#loops);
  }

  async #work(client: McpClient, name: string): Promise<void> {
    try {
      for (let round = 0; !this.stopped; round++) await this.#round(client, name, round);
    } catch (error) {
      if (error instanceof Gone) return;
      this.problems.push(String(error));
    }
  }

  async #round(client: McpClient, name: string, round: number): Promise<void> {
    const own = `own-${name}-${round}`;
    const change = (tool: string, after: State, metadata?: Metadata) =>
      this.#change(client, own, tool, after, metadata);
    const toggled = TOGGLED[round % TOGGLED.length] as string;

    await change(
      'add_session',
      { metadata: { a: 1, n: { x: 1 } }, deleted: false },
      { a: 1, n: { x: 1 } },
    );
    const merged = { a: 1, n: { x: 1, y: 2 } };
    await change('update_session_metadata', { metadata: merged, deleted: false }, { n: { y: 2 } });
    await this.#share(client, `shared-${Math.floor(round / EPOCH)}`, `${name}.${round}`);
    await change('delete_session', { metadata: merged, deleted: true });
    await this.#call(client, 'delete_session', { session_id: toggled });
    await change('delete_session', { metadata: merged, deleted: true });
    await change('restore_session', { metadata: merged, deleted: false });
    await this.#call(client, 'restore_session', { session_id: toggled });
    const last = { n: { x: 1, y: 2 }, b: [round] };
    await change(
      'update_session_metadata',
      { metadata: last, deleted: false },
      { a: null, b: [round] },
    );
    if (round % 2 === 1) await change('delete_session', { metadata: last, deleted: true });
  }

  /** Changes a session that nobody else knows of. */
  async #change(
    client: McpClient,
    session_id: string,
    tool: string,
    after: State,
    metadata?: Metadata,
  ): Promise<void> {
    const before = this.#own.get(session_id) ?? [undefined];
    this.#own.set(session_id, [...before, after]);
    const done = await this.#call(client, tool, { session_id, ...(metadata && { metadata }) });
    if (done) this.#own.set(session_id, [after]);
  }

  /** Puts a key into a session that everybody puts keys into, and that one of them has to add. */
  async #share(client: McpClient, session_id: string, key: string): Promise<void> {
    const acknowledged = this.#shared.get(session_id) ?? new Set();
    if (!this.#shared.has(session_id)) this.#shared.set(session_id, acknowledged);
    const added = await this.#call(client, 'add_session', { session_id }, 'ALREADY_EXISTS');
    if (added) this.#adders.set(session_id, (this.#adders.get(session_id) ?? 0) + 1);
    const args = { session_id, metadata: { [key]: key } };
    if (await this.#call(client, 'update_session_metadata', args)) acknowledged.add(key);
  }

  /** @returns whether it was done; every answer but `expected` that says otherwise is a problem */
  async #call(
    client: McpClient,
    tool: string,
    args: Metadata,
    expected?: string,
  ): Promise<boolean> {
    const answer = await client.callTool(tool, args).catch((error: unknown) => {
      if (this.#killed.has(client)) throw new Gone();
      throw error;
    });
    const count = this.#answers.get(client);
    if (count !== undefined) this.#answers.set(client, count + 1);
    if (answer.isError && answer.content.error.code !== expected) {
      this.problems.push(`${tool} ${args.session_id}: ${answer.text}`);
    }
    return !answer.isError;
  }

  /** Of all who are at work, how many answers the one with the fewest got. */
  get fewestAnswers(): number {
    return Math.min(...this.#answers.values());
  }

  /** Compares what is there, as a server sees it that had no part in it, with what was promised. */
  async verify(): Promise<void> {
    const client = await this.#connect();
    for (const session_id of TOGGLED) {
      const { content } = await client.callTool('restore_session', { session_id });
      expect(content.session.metadata).toEqual({ session_id });
    }
    const found = await readAll(client);
    await client.close();

    const lost = [...this.#own].filter(
      ([name, possible]) => !possible.some((state) => isDeepStrictEqual(state, found.get(name))),
    );
    expect(lost.map(([name, possible]) => ({ name, possible, found: found.get(name) }))).toEqual(
      [],
    );

    for (const [name, keys] of this.#shared) {
      const there = new Set(Object.keys(found.get(name)?.metadata ?? {}));
      expect([...keys].filter((key) => !there.has(key))).toEqual([]);
    }
    for (const [name, adders] of this.#adders) expect([name, adders]).toEqual([name, 1]);
  }
}

/** Every session in the store, live or deleted. */
async function readAll(client: McpClient): Promise<Map<string, State>> {
  const found = new Map<string, State>();
  for (const deleted of ['exclude', 'only']) {
    let cursor: string | undefined;
    do {
      const page = { limit: 1000, deleted, ...(cursor !== undefined && { cursor }) };
      const { content, isError, text } = await client.callTool('list_sessions', page);
      expect(isError, text).toBe(false);
      for (const { session_id, metadata, deleted_at } of content.sessions) {
        found.set(session_id, { metadata, deleted: deleted_at !== undefined });
      }
      cursor = content.next_cursor;
    } while (cursor !== undefined);
  }
  return found;
}
