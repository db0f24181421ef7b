import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Caller, GaveUp, Seat, type Statistics } from '../support/callers.ts';
import type { McpClient } from '../support/clients.ts';
import { type Mongod, type MongodBinary, startMongod } from '../support/mongod.ts';
import {
  type AddCall,
  readConsistent,
  SessionPromise,
  settled,
  UserPromise,
} from '../support/promises.ts';
import { Random } from '../support/random.ts';
import { Servers } from '../support/server-process.ts';

/** Of each kind of crash: five kinds make fifty and more, even when one runs into the limit below. */
const ROUNDS = 12;
/**
 * No round begins after this. MongoDB keeps a killed client's transaction open for a minute, in which
 * callers hear UNAVAILABLE: such rounds are long.
 */
const ROUNDS_LIMIT_MS = 150_000;
const SERVERS = 2;
const DIARISTS = 4;
const KEEPERS = 2;
const SESSIONS_PER_USER = 20;

/** The crash comes between these two, in milliseconds after the callers began. */
const EARLIEST = 20;
const LATEST = 400;
/** How long callers go on after everything is back. */
const AFTERWARDS = 300;
const SHORT_OUTAGE = 500;
/** Longer than a server waits for its database before it answers UNAVAILABLE. */
const LONG_OUTAGE = 5500;

const seed = process.env.CRASH_SEED ?? randomUUID().slice(0, 8);
const mongod = inject('mongod');
const binary = mongod as MongodBinary;
const without = mongod === null ? ` (skipped: ${inject('mongodbSkipReason')})` : '';

/** What a suite is about: a store under servers, and what happens to it. */
interface Scene {
  env: Record<string, string>;
  /** Without transactions, half of an unacknowledged call may be there until it is repeated. */
  prefixes: boolean;
  /** @returns once everything can be reached again */
  crash(seats: readonly Seat[], random: Random): Promise<void>;
}

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

describe('kill -9 in the middle of everything, on the embedded store', () => {
  it(`loses, halves and doubles nothing when it hits the server (CRASH_SEED=${seed})`, () =>
    run('embedded/server', { env: {}, prefixes: false, crash: killServers }));
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
  const scene = (crash: Scene['crash']): Scene => ({
    env: { MONGODB_URI: database.uri },
    prefixes: standalone,
    crash,
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
      scene(async (seats, random) => {
        const { dbPath, port } = database;
        await database.kill();
        if (random.chance(0.25)) await killServers(seats, random);
        await delay(random.chance(0.2) ? LONG_OUTAGE : random.between(0, SHORT_OUTAGE));
        database = await startMongod(binary, { standalone, dbPath, port });
      }),
    ));
}

/** Kills one server, or all at once as a machine that goes down does. */
async function killServers(seats: readonly Seat[], random: Random): Promise<void> {
  const victims = random.chance(0.3) ? seats : [random.pick(seats)];
  await Promise.all(victims.map((seat) => seat.kill()));
}

async function run(name: string, scene: Scene): Promise<void> {
  const statistics: Statistics = { acknowledged: 0, retried: 0, givenUp: 0, longestMs: 0 };
  const connect = () => servers.connectStdio('v2', { env: scene.env });
  const seats = Array.from({ length: SERVERS }, () => new Seat(connect));
  const users = Array.from({ length: KEEPERS }, (_, i) => new UserPromise(`user ${i}`));
  await prepareUsers(connect, users);
  const kept = new Map<string, unknown>();

  const started = Date.now();
  let rounds = 0;
  for (let last = false; !last; ) {
    const number = ++rounds;
    const random = new Random(`${seed} ${name} ${number}`);
    const round = new Round(number, users);
    try {
      await round.run(seats, random, statistics, scene);
      // By a server that had no part in it, like one that is started after the crash.
      const client = await connect();
      for (const [id, messages] of await round.verify(client, scene.prefixes)) {
        kept.set(id, messages);
      }
      last = rounds === ROUNDS || Date.now() - started > ROUNDS_LIMIT_MS;
      if (last) {
        for (const [id, messages] of kept) {
          expect([id, await readConsistent(client, id)]).toEqual([id, messages]);
        }
      }
      await client.close();
    } catch (error) {
      throw new Error(`CRASH_SEED=${seed}, ${name}, round ${number}`, { cause: error });
    }
  }
  await Promise.all(seats.map((seat) => seat.close()));
  process.stderr.write(
    `${name}: ${rounds} crashes, ${JSON.stringify(statistics)}, CRASH_SEED=${seed}\n`,
  );
  expect(statistics.acknowledged).toBeGreaterThan(10 * rounds);
}

async function prepareUsers(
  connect: () => Promise<McpClient>,
  users: readonly UserPromise[],
): Promise<void> {
  const statistics: Statistics = { acknowledged: 0, retried: 0, givenUp: 0, longestMs: 0 };
  const seat = new Seat(connect);
  const caller = new Caller(seat, new Random(seed), statistics);
  for (const user of users) {
    const { user_id } = user;
    await caller.call('add_user', { user_id });
    for (let i = 0; i < SESSIONS_PER_USER; i++) {
      const session = new SessionPromise(`${user_id}'s ${i}`);
      user.sessions.push(session);
      await caller.call('add_session', { session_id: session.session_id, user_id });
      await new Round(0, users).add(caller, session, 2, true);
    }
  }
  await seat.close();
}

/** Everybody at work around one crash, and what they have been promised. */
class Round {
  readonly #number: number;
  readonly #users: readonly UserPromise[];
  /** Written by one caller each. */
  readonly #own: SessionPromise[] = [];
  /** Everybody appends to it, and nobody does anything else. */
  readonly #shared: SessionPromise;
  /** Everybody does everything to it. */
  readonly #contested: string;
  #stopped = false;
  #said = 0;

  constructor(number: number, users: readonly UserPromise[]) {
    this.#number = number;
    this.#users = users;
    this.#shared = new SessionPromise(`shared ${number}`);
    this.#shared.mayBeMissing = true;
    this.#contested = `contested ${number}`;
  }

  async run(
    seats: readonly Seat[],
    random: Random,
    statistics: Statistics,
    scene: Scene,
  ): Promise<void> {
    const caller = (who: string, i: number) => {
      const own = new Random(`${who} ${i} ${random.next()}`);
      return new Caller(seats[i % seats.length] as Seat, own, statistics);
    };
    const loops = [
      ...Array.from({ length: DIARISTS }, (_, i) => this.#writeDiary(caller('diarist', i), i)),
      ...this.#users.map((user, i) => this.#keep(caller('keeper', i), user)),
    ];
    const work = Promise.all(loops.map((loop) => loop.catch(unlessGaveUp)));
    const incident = async () => {
      // The round is about calls in flight: on a server that still starts, nothing is.
      await Promise.all(seats.map((seat) => seat.call('get_session', { session_id: 'nobody' })));
      await delay(random.between(EARLIEST, LATEST));
      await scene.crash(seats, random);
      await delay(AFTERWARDS);
    };
    try {
      await Promise.race([incident(), work.then(() => new Promise(() => {}))]);
    } finally {
      this.#stopped = true;
    }
    await work;
  }

  /** @returns the messages of every session that nobody writes any more */
  async verify(client: McpClient, prefixes: boolean): Promise<Map<string, unknown>> {
    const kept = new Map<string, unknown>();
    for (const session of [...this.#own, this.#shared]) {
      const messages = await session.verify(client, prefixes);
      if (messages !== 'missing') kept.set(session.session_id, messages);
    }
    for (const user of this.#users) await user.verify(client, prefixes);
    const session_id = this.#contested;
    const restored = await settled(client, 'restore_session', { session_id });
    if (!restored.isError) kept.set(session_id, await readConsistent(client, session_id));
    else expect(restored.content.error.code, restored.text).toBe('NOT_FOUND');
    return kept;
  }

  /** Appends, and keeps account of it; with uuids of its own, so that a retry doubles nothing. */
  async add(
    caller: Caller,
    session: SessionPromise,
    count: number,
    withUuids: boolean,
  ): Promise<void> {
    const contents = Array.from({ length: count }, () => `${this.#number}.${++this.#said}`);
    const uuids = withUuids ? contents.map(() => randomUUID()) : undefined;
    const call: AddCall = { contents, uuids, attempts: Number.POSITIVE_INFINITY };
    const before = session.deleted;
    session.calls.push(call);
    const { session_id } = session;
    const messages = contents.map((content, i) => ({
      role: 'user',
      content,
      ...(uuids !== undefined && { uuid: uuids[i] }),
    }));
    const { answer, attempts } = await caller.call('add_memory', { session_id, messages });
    if (before) {
      session.calls.pop();
      session.revive();
      session.calls.push(call);
    }
    session.mayBeMissing = false;
    call.attempts = attempts;
    call.answered = answer.content.messages;
    const first = call.answered?.[0]?.seq ?? 0;
    // In its order; where there are no transactions, what a crash cut off may come behind others.
    const seqs = call.answered?.map(({ seq }) => seq) ?? [];
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    if (attempts === 1) expect(seqs).toEqual(contents.map((_, i) => first + i));
  }

  async #writeDiary(caller: Caller, number: number): Promise<void> {
    const { random } = caller;
    const session = new SessionPromise(`diary ${this.#number}.${number}`);
    session.mayBeMissing = true;
    this.#own.push(session);
    await this.add(caller, session, 1, true);
    while (!this.#stopped) {
      const dice = random.next();
      if (dice < 0.4) await this.add(caller, session, random.between(1, 6), true);
      else if (dice < 0.5) await this.add(caller, session, random.between(1, 4), false);
      else if (dice < 0.65) await this.add(caller, this.#shared, random.between(1, 4), true);
      else if (dice < 0.85) await this.#toggle(caller, session);
      else await this.#contend(caller);
    }
  }

  /** Deletes and restores a user and their sessions, appends to them, and adds others. */
  async #keep(caller: Caller, user: UserPromise): Promise<void> {
    const { random } = caller;
    const { user_id } = user;
    while (!this.#stopped) {
      const session = random.pick(user.sessions);
      const dice = random.next();
      if (dice < 0.5) await this.#toggleUser(caller, user);
      else if (user.deleted) await this.#refuse(caller, user, session);
      else if (dice < 0.75) await this.add(caller, session, random.between(1, 3), true);
      else if (dice < 0.95) await this.#toggle(caller, session);
      else {
        const another = new SessionPromise(`${user_id}'s ${this.#number}.${++this.#said}`);
        another.mayBeMissing = true;
        user.sessions.push(another);
        const args = { session_id: another.session_id, user_id };
        await caller.call('add_session', args, [], ['ALREADY_EXISTS']);
        another.mayBeMissing = false;
      }
    }
  }

  async #toggleUser(caller: Caller, user: UserPromise): Promise<void> {
    const { user_id, deleted } = user;
    const tool = deleted ? 'restore_user' : 'delete_user';
    user.unsure = true;
    const { answer } = await caller.call(tool, { user_id });
    user.unsure = false;
    user.deleted = !deleted;
    if (deleted) return;
    const live = user.sessions.filter((session) => !session.deleted).length;
    expect([user_id, answer.content.deleted_session_count]).toEqual([user_id, live]);
  }

  /** A deleted user's session takes nothing and does not come back by itself. */
  async #refuse(caller: Caller, user: UserPromise, { session_id }: SessionPromise): Promise<void> {
    const messages = [{ role: 'user', content: 'to nobody' }];
    const calls: [string, Record<string, unknown>][] = [
      ['add_memory', { session_id, messages }],
      ['restore_session', { session_id }],
      ['get_memory', { session_id }],
      ['add_session', { session_id: `${session_id} too`, user_id: user.user_id }],
    ];
    const [tool, args] = caller.random.pick(calls);
    const { answer } = await caller.call(tool, args, ['NOT_FOUND']);
    expect([tool, args, answer.isError]).toEqual([tool, args, true]);
  }

  async #toggle(caller: Caller, session: SessionPromise): Promise<void> {
    const { session_id, deleted } = session;
    const { mayBePutBack } = session;
    session.unsure = true;
    session.mayBePutBack ||= deleted;
    const tool = deleted ? 'restore_session' : 'delete_session';
    const { attempts } = await caller.call(tool, { session_id });
    session.unsure = false;
    if (attempts === 1) session.mayBePutBack = mayBePutBack;
    session.deleted = !deleted;
  }

  async #contend(caller: Caller): Promise<void> {
    const { random } = caller;
    const session_id = this.#contested;
    const tool = random.pick(['delete_session', 'restore_session', 'add_memory', 'add_memory']);
    if (tool !== 'add_memory') {
      await caller.call(tool, { session_id }, ['NOT_FOUND']);
      return;
    }
    const messages = Array.from({ length: random.between(1, 4) }, () => ({
      role: 'user',
      content: `${this.#number}.${++this.#said}`,
      uuid: randomUUID(),
    }));
    await caller.call(tool, { session_id, messages });
  }
}

function unlessGaveUp(error: unknown): void {
  if (!(error instanceof GaveUp)) throw error;
}
