import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Database } from '../../src/store/sqlite/connection/engine.ts';
import { isBusy } from '../../src/store/sqlite/connection/errors.ts';
import { Caller, ReconnectingClient, type Statistics } from '../support/callers.ts';
import type { McpClient } from '../support/clients.ts';
import { type Incident, Round } from '../support/crash-round.ts';
import { ExpectedSession, ExpectedUser, readConsistent } from '../support/durability-oracle.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import { Random } from '../support/random.ts';
import { Servers } from '../support/server-process.ts';

/** Of each kind of crash of MongoDB, if they do not run into the limit below. */
const ROUNDS = 12;
/**
 * No round with MongoDB begins after this. It keeps a killed client's transaction open for a minute, in
 * which callers hear UNAVAILABLE: such rounds are long.
 */
const ROUNDS_LIMIT_MS = 60_000;
/** How many servers are killed that share one embedded file. */
const KILLS = Number(process.env.CRASH_KILLS ?? 60);
/** What a kill may take, with all that is done and looked at between two, on a slow machine. */
const KILL_MS = 15_000;

const SERVERS = { mongodb: 2, embedded: 4 };
const KEEPERS = 2;
const SESSIONS_PER_USER = 20;

/** Between the kills of one round on the embedded store, at the most. */
const NEXT_KILL_MS = 300;
const SHORT_OUTAGE = 500;
/** Longer than a server waits for its database before it answers UNAVAILABLE. */
const LONG_OUTAGE = 5500;
/** By then a sweep that runs every second has purged everything that it should. */
const PURGED_MS = 60_000;

const seed = process.env.CRASH_SEED ?? randomUUID().slice(0, 8);
const mongod = inject('mongod');
const binary = mongod as MongodBinary;
const without = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

/** What a suite is about: a store under servers, and what happens to it. */
interface Scene extends Incident {
  env: Record<string, string>;
  servers: number;
  /** Whether another round is to follow. */
  goesOn(rounds: number, elapsed: number): boolean;
}

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

describe('kill -9 in the middle of everything, on one embedded file', () => {
  it(
    `loses, halves and doubles nothing when it hits ${KILLS} of four servers (CRASH_SEED=${seed})`,
    async () => {
      const file = join(servers.directory, 'sessions.db');
      let kills = 0;
      await run('embedded/server', {
        env: { SESSIONS_DB: file, PURGE_EVERY: '1s' },
        servers: SERVERS.embedded,
        prefixes: false,
        goesOn: () => kills < KILLS,
        async crash(clients, random) {
          for (let left = random.between(1, 6); left > 0; left--) {
            kills += await killServers(clients, random);
            await delay(random.between(0, NEXT_KILL_MS));
          }
        },
        expire: (sessionId) => expire(file, sessionId),
      });
      await expectPurged(file);
      process.stderr.write(`embedded/server: ${kills} servers killed\n`);
    },
    Math.max(600_000, KILLS * KILL_MS),
  );
});

describe.skipIf(mongod === null)(
  `kill -9 in the middle of everything, on a MongoDB replica set${without}`,
  () => mongodbSuite('replica set', false),
);

describe.skipIf(mongod === null)(
  `kill -9 in the middle of everything, on a standalone MongoDB${without}`,
  () => mongodbSuite('standalone', true),
);

function mongodbSuite(name: string, standalone: boolean): void {
  let database: Mongod;
  const scene = (crash: (...args: Parameters<Scene['crash']>) => Promise<unknown>): Scene => ({
    env: { MONGODB_URI: database.uri },
    servers: SERVERS.mongodb,
    prefixes: standalone,
    goesOn: (rounds, elapsed) => rounds < ROUNDS && elapsed < ROUNDS_LIMIT_MS,
    crash: async (clients, random) => void (await crash(clients, random)),
  });
  beforeEach(async () => {
    database = await startMongod(binary, { standalone });
  });
  afterEach(() => database?.stop());

  it(`loses, halves and doubles nothing when it hits the server (CRASH_SEED=${seed})`, () =>
    run(`${name}/server`, scene(killServers)));

  it(`loses, halves and doubles nothing when it hits the database (CRASH_SEED=${seed})`, () =>
    run(
      `${name}/database`,
      scene(async (clients, random) => {
        const { dbPath, port } = database;
        await database.kill();
        if (random.chance(0.25)) await killServers(clients, random);
        await delay(random.chance(0.2) ? LONG_OUTAGE : random.between(0, SHORT_OUTAGE));
        database = await startMongod(binary, { standalone, dbPath, port });
      }),
    ));
}

/** Kills one server, or all at once as a machine that goes down does. @returns how many there were */
async function killServers(
  clients: readonly ReconnectingClient[],
  random: Random,
): Promise<number> {
  const victims = random.chance(0.3) ? clients : [random.pick(clients)];
  const killed = await Promise.all(victims.map((client) => client.kill()));
  return killed.filter((wasThere) => wasThere).length;
}

/** Makes a deletion one of long ago. */
async function expire(file: string, sessionId: string): Promise<void> {
  for (;;) {
    const database = await Database.open(file);
    try {
      database.exec(
        `UPDATE sessions SET deleted_at = 1
          WHERE session_id = '${sessionId}' AND deleted_at IS NOT NULL`,
      );
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
    } finally {
      database.close();
    }
    await delay(5);
  }
}

/** A server that goes on alone purges all that was left for good, and nothing else. */
async function expectPurged(file: string): Promise<void> {
  const client = await servers.connectStdio('v2', {
    env: { SESSIONS_DB: file, PURGE_EVERY: '1s' },
  });
  const database = await Database.open(file);
  const left = () =>
    database
      .prepare(
        `SELECT (SELECT count(*) FROM sessions WHERE deleted_at = 1),
          (SELECT count(*) FROM messages WHERE session NOT IN (SELECT id FROM sessions))`,
      )
      .get();
  const deadline = performance.now() + PURGED_MS;
  while (left()?.some((count) => count !== 0) && performance.now() < deadline) await delay(200);
  expect(left()).toEqual([0, 0]);
  await client.close();
  expect(database.prepare('PRAGMA integrity_check').all()).toEqual([['ok']]);
  database.close();
}

async function run(name: string, scene: Scene): Promise<void> {
  const statistics: Statistics = { acknowledged: 0, retried: 0, givenUp: 0, longestMs: 0 };
  const connect = () => servers.connectStdio('v2', { env: scene.env });
  const clients = Array.from({ length: scene.servers }, () => new ReconnectingClient(connect));
  const users = Array.from({ length: KEEPERS }, (_, i) => new ExpectedUser(`user ${i}`));
  await prepareUsers(connect, users, scene);
  const kept = new Map<string, unknown>();

  const started = performance.now();
  let rounds = 0;
  do {
    const number = ++rounds;
    const random = new Random(`${seed} ${name} ${number}`);
    const round = new Round(number, users, scene);
    try {
      await round.run(clients, random, statistics);
      // By a server that had no part in it, like one that is started after the crash.
      const client = await connect();
      for (const [id, messages] of await round.verify(client)) kept.set(id, messages);
      await client.close();
    } catch (error) {
      throw new Error(`CRASH_SEED=${seed}, ${name}, round ${number}`, { cause: error });
    }
  } while (scene.goesOn(rounds, performance.now() - started));
  const client = await connect();
  for (const [id, messages] of kept) {
    expect([id, await readConsistent(client, id)]).toEqual([id, messages]);
  }
  await client.close();
  await Promise.all(clients.map((client) => client.close()));
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(
    `${name}: ${rounds} rounds, ${seconds} s, ${JSON.stringify(statistics)}, CRASH_SEED=${seed}\n`,
  );
  expect(statistics.acknowledged).toBeGreaterThan(10 * rounds);
}

async function prepareUsers(
  connect: () => Promise<McpClient>,
  users: readonly ExpectedUser[],
  scene: Scene,
): Promise<void> {
  const statistics: Statistics = { acknowledged: 0, retried: 0, givenUp: 0, longestMs: 0 };
  const client = new ReconnectingClient(connect);
  const caller = new Caller(client, new Random(seed), statistics);
  for (const user of users) {
    const { user_id } = user;
    await caller.call('add_user', { user_id });
    for (let i = 0; i < SESSIONS_PER_USER; i++) {
      const session = new ExpectedSession(`${user_id}'s ${i}`);
      user.sessions.push(session);
      await caller.call('add_session', { session_id: session.session_id, user_id });
      await new Round(0, users, scene).add(caller, session, 2, true);
    }
  }
  await client.close();
}
