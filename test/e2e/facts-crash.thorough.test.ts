import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Caller, ReconnectingClient, type Statistics } from '../support/callers.ts';
import { ExpectedFacts, type StatedFact } from '../support/expected-facts.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import { Random } from '../support/random.ts';
import { send } from '../support/raw-http.ts';
import { Servers } from '../support/server-process.ts';

const USER = 'ada';
const SESSION = 'said';
/** How many messages say facts: no more than a fact names. */
const SOURCES = 20;
const SERVERS = 2;
const CALLERS = 16;
/** No round begins after this: all suites together take about a minute. */
const ROUNDS_LIMIT_MS = 10_000;

/** How many crashes a round has. Before each, and after the last one, calls are acknowledged. */
const CRASHES = 2;
const CALLS_BETWEEN = CALLERS;
/** From then to the crash, at the most: it hits any part of a call. */
const CRASH_MS = 200;
const OUTAGE_MS = 500;
/** Longer than a server waits for its database before it answers UNAVAILABLE. */
const LONG_OUTAGE_MS = 5500;

/** How many records one page of a list has at most. */
const PAGE = 1000;

const seed = process.env.CRASH_SEED ?? randomUUID().slice(0, 8);
const mongod = inject('mongod');
const without = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';
const ARGS = ['--toolsets=sessions,memory,users,facts'];

type Crash = (clients: readonly ReconnectingClient[], random: Random) => Promise<void>;

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

describe('kill -9 while sixteen callers state facts about one user, on one embedded file', () => {
  it(`loses, halves and doubles nothing when it hits a server (CRASH_SEED=${seed})`, () =>
    run('embedded/server', { SESSIONS_DB: join(servers.directory, 'sessions.db') }, killServers));
});

describe.skipIf(mongod === null)(
  `kill -9 while sixteen callers state facts about one user, on MongoDB${without}`,
  () => {
    let database: Mongod;
    beforeEach(async () => {
      database = await startMongod(mongod as MongodBinary);
    });
    afterEach(() => database?.stop());

    it(`loses, halves and doubles nothing when it hits a server (CRASH_SEED=${seed})`, () =>
      run('MongoDB/server', { MONGODB_URI: database.uri }, killServers));

    it(`loses, halves and doubles nothing when it hits the database (CRASH_SEED=${seed})`, () =>
      run('MongoDB/database', { MONGODB_URI: database.uri }, async (clients, random) => {
        const { dbPath, port } = database;
        await database.kill();
        if (random.chance(0.25)) await killServers(clients, random);
        await delay(random.chance(0.2) ? LONG_OUTAGE_MS : random.between(0, OUTAGE_MS));
        database = await startMongod(mongod as MongodBinary, { dbPath, port });
      }));
  },
);

/** Kills one server, or both as a machine that goes down does. */
async function killServers(clients: readonly ReconnectingClient[], random: Random): Promise<void> {
  const victims = random.chance(0.3) ? clients : [random.pick(clients)];
  await Promise.all(victims.map((client) => client.kill()));
}

async function run(name: string, env: Record<string, string>, crash: Crash): Promise<void> {
  const statistics: Statistics = { acknowledged: 0, retried: 0, givenUp: 0, longestMs: 0 };
  const connect = () => servers.connectStdio('v2', { env, args: ARGS });
  const clients = Array.from({ length: SERVERS }, () => new ReconnectingClient(connect));
  const expected = new ExpectedFacts(USER);
  const first = new Caller(clients[0] as ReconnectingClient, new Random(seed), statistics);
  await first.call('add_user', { user_id: USER });
  const said = Array.from({ length: SOURCES }, (_, i) => ({ role: 'user', content: `said ${i}` }));
  const { answer } = await first.call('add_memory', { session_id: SESSION, messages: said });
  const messages = answer.content.messages.map(({ uuid }: { uuid: string }) => uuid);

  const started = performance.now();
  let rounds = 0;
  do {
    const number = ++rounds;
    const random = new Random(`${seed} ${name} ${number}`);
    try {
      const round = { number, stopped: false, messages };
      const callers = Array.from({ length: CALLERS }, (_, i) => {
        const client = clients[i % clients.length] as ReconnectingClient;
        const caller = new Caller(client, random.fork(`caller ${i}`), statistics);
        return goOn(caller, `${number}.${i}`, round, expected);
      });
      const working = Promise.all(callers);
      for (let crashes = 0; ; crashes++) {
        const enough = statistics.acknowledged + CALLS_BETWEEN;
        while (statistics.acknowledged < enough) await Promise.race([delay(10), working]);
        if (crashes === CRASHES) break;
        await delay(random.between(0, CRASH_MS));
        await crash(clients, random);
      }
      round.stopped = true;
      await working;
      await verify(env, expected);
    } catch (error) {
      throw new Error(`CRASH_SEED=${seed}, ${name}, round ${number}`, { cause: error });
    }
  } while (performance.now() - started < ROUNDS_LIMIT_MS);
  await Promise.all(clients.map((client) => client.close()));
  const seconds = Math.round((performance.now() - started) / 1000);
  process.stderr.write(
    `${name}: ${rounds} rounds, ${seconds} s, ${JSON.stringify(statistics)}, CRASH_SEED=${seed}\n`,
  );
  expect(statistics.retried + statistics.givenUp, 'calls that a crash hit').toBeGreaterThan(0);
}

/** One caller: states facts that others state at the same time, and its own, which it deletes and brings back. */
async function goOn(
  caller: Caller,
  name: string,
  round: { number: number; stopped: boolean; messages: readonly string[] },
  expected: ExpectedFacts,
): Promise<void> {
  const { random } = caller;
  /** Its own facts, with their uuids, and those that it has deleted. */
  const own = new Map<string, string>();
  const deleted: string[] = [];
  /** All callers of the round name the same things, and so create them at once. */
  const thing = () => spelled(`Thing ${round.number}-${random.between(1, 30)}`, random);
  const shared = (): StatedFact => {
    const object = `Thing ${round.number}-${random.between(1, 10)}`;
    const fact = `Ada knows ${object}`;
    return { subject: spelled('Ada', random), predicate: 'KNOWS', object, fact };
  };
  for (let number = 0; !round.stopped; number++) {
    const [victim] = own.keys();
    if (victim !== undefined && random.chance(0.2)) {
      own.delete(victim);
      await expected.change(caller, 'delete_facts', victim);
      deleted.push(victim);
    } else if (deleted.length > 0 && random.chance(0.2)) {
      const back = deleted.pop() as string;
      await expected.change(caller, 'restore_facts', back);
    } else if (random.chance(0.3)) {
      const source = { session_id: SESSION, uuids: [random.pick(round.messages)] };
      await expected.state(caller, [shared()], source);
    } else {
      const facts: StatedFact[] = Array.from({ length: random.between(1, 3) }, (_, i) => ({
        ...{ subject: thing(), predicate: random.pick(['LIKES', 'KNOWS', 'HAS']), object: thing() },
        fact: `said by ${name} in call ${number}, sentence ${i}`,
      }));
      const ended = victim === undefined ? undefined : own.get(victim);
      if (ended !== undefined && random.chance(0.2)) {
        (facts[0] as StatedFact).supersedes = [ended];
      }
      const uuids = await expected.state(caller, facts);
      for (const [i, uuid] of uuids?.entries() ?? []) own.set((facts[i] as StatedFact).fact, uuid);
    }
  }
}

/** One of the spellings of a name that name the same entity. */
const spelled = (name: string, random: Random): string =>
  random.pick([name, name.toUpperCase(), ` ${name.toLowerCase()} `, `“${name}”`]);

/** Reads all that is known about the user by a server that had no part in it. */
async function verify(env: Record<string, string>, expected: ExpectedFacts): Promise<void> {
  const server = await servers.spawnHttp({ env });
  const list = async (kind: string) => {
    const records = [];
    for (let cursor: string | undefined; ; ) {
      const { body, status } = await send(server.url, {
        ...{ method: 'POST', path: `/api/v2/graph/${kind}/user/${USER}` },
        body: JSON.stringify({ limit: PAGE, uuid_cursor: cursor }),
      });
      expect([status, kind], body).toEqual([200, kind]);
      const page = JSON.parse(body);
      records.push(...page);
      if (page.length < PAGE) return records;
      cursor = page.at(-1).uuid;
    }
  };
  expected.compare(await list('node'), await list('edge'));
  await server.kill('SIGTERM');
}
