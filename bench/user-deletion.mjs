// Measures whether calls stay as fast as a session grows: a session of 1,000 messages beside one of
// 1,000,000, asked in turns, so that whatever else the machine does falls on both alike. And whether
// other callers are held up while a user with 10,000 sessions and 200,000 messages is deleted.
//
//   npm run build && node bench/growth.mjs [--large 1000000] [--rounds 300] [--user-sessions 10000]
//                                          [--store embedded|mongodb|standalone]...
//
// MongoDB is a server of its own, started from the mongod or secantusd-rs on the PATH.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { v7 as newUuid } from 'uuid';
import { median, openStore, services, startMongodb, timed } from './support.mjs';

/** A call on the large session may take this many times as long as on the small one. */
const RATIO_TARGET = 1.3;
const MEMORY_MAX_BYTES = 10 * 1024;
const SMALL = 1000;
const BATCH = 1000;
const WARM_UP_ROUNDS = 30;
const MESSAGES_PER_USER_SESSION = 20;
const FILLERS = 32;
const IDLE_MS = 5000;
const SETTLE_MS = 300;
const PROBE_PAUSE_MS = 2;
const CALLER = { namespace: 'bench' };
const STORES = ['embedded', 'mongodb', 'standalone'];

// ------------------------------------------------------------------------------------ data

/** Text of 100 to 499 characters, the same every time. */
function contentOf(number) {
  const words = `Turn ${number}: the quick brown fox jumps over the lazy dog, again and again. `;
  return words.repeat(8).slice(0, 100 + ((number * 37) % 400));
}

const turns = (count, first) =>
  Array.from({ length: count }, (_, i) => ({
    role: (first + i) % 2 === 0 ? 'user' : 'assistant',
    content: contentOf(first + i),
  }));

const { termsOf } = await import(new URL('../dist/search/analyse.js', import.meta.url).href);

function toAppend(messages) {
  return {
    messages: messages.map(({ role, content }) => ({
      uuid: newUuid(),
      role,
      content,
      metadata: {},
      token_count: Math.ceil(content.length / 4),
      terms: termsOf({ role, content }),
    })),
    mayExist: false,
    at: new Date().toISOString(),
    session_uuid: newUuid(),
    thread: newUuid(),
  };
}

async function fill(store, sessionId, count) {
  const started = performance.now();
  for (let done = 0; done < count; done += BATCH) {
    const append = toAppend(turns(Math.min(BATCH, count - done), done));
    await store.messages.append(CALLER.namespace, sessionId, append);
    if (process.stderr.isTTY) {
      process.stderr.write(`\r  ${sessionId}: ${(done + BATCH).toLocaleString('en')} messages `);
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  return performance.now() - started;
}

async function fillUser(store, user_id, sessions) {
  const at = new Date().toISOString();
  const times = { created_at: at, updated_at: at };
  const { namespace } = CALLER;
  await store.users.insert(namespace, { user_id, uuid: newUuid(), metadata: {}, ...times });
  let next = 0;
  const filler = async () => {
    while (next < sessions) {
      const session_id = `${user_id}-${next++}`;
      const session = { session_id, uuid: newUuid(), user_id, metadata: {}, message_count: 0 };
      await store.sessions.insert(namespace, { ...session, ...times });
      const append = toAppend(turns(MESSAGES_PER_USER_SESSION, next));
      await store.messages.append(namespace, session_id, append);
    }
  };
  await Promise.all(Array.from({ length: FILLERS }, filler));
}

// ------------------------------------------------------------------------------- measuring

/** The calls that must not depend on how long a session is. */
async function growthCalls(memory, sessions) {
  const fromMiddle = (size) => ({ limit: 50, order: 'asc', from_seq: size >> 1 });
  const cursors = new Map();
  for (const [id, size] of sessions) {
    cursors.set(id, (await memory.list(CALLER, id, fromMiddle(size))).next_cursor);
  }
  return Object.entries({
    'add_memory of 2': (id) => memory.add(CALLER, id, turns(2, 0)),
    'get_memory of 12': (id) => memory.get(CALLER, id),
    'list_messages of 50, from_seq': (id, size) => memory.list(CALLER, id, fromMiddle(size)),
    'list_messages of 50, cursor': (id, size) =>
      memory.list(CALLER, id, { ...fromMiddle(size), cursor: cursors.get(id) }),
  });
}

async function compareSizes(memory, large, rounds) {
  const sessions = [
    ['small', SMALL],
    ['large', large],
  ];
  const calls = await growthCalls(memory, sessions);
  const times = new Map(calls.map(([name]) => [name, { small: [], large: [] }]));
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [name, call] of calls) {
      // Whoever goes second finds the processor's caches warm: take turns at that, too.
      for (const [id, size] of round % 2 === 0 ? sessions : sessions.toReversed()) {
        const { ms } = await timed(() => call(id, size));
        if (round >= 0) times.get(name)[id].push(ms);
      }
    }
  }
  return [...times].map(([name, { small, large: slow }]) => {
    const [a, b] = [median(small), median(slow)];
    return { name, small: a, large: b, ratio: b / a };
  });
}

/** Calls like an agent that has nothing to do with the user, until it is told to stop. */
function startProbe(memory, sessionId) {
  const samples = [];
  let stopped = false;
  const sample = async (what, call) => {
    const from = wallClock();
    const { ms } = await timed(call);
    samples.push({ what, from, ms });
  };
  const run = async () => {
    while (!stopped) {
      await sample('get', () => memory.get(CALLER, sessionId));
      await sample('add', () => memory.add(CALLER, sessionId, turns(2, 0)));
      await delay(PROBE_PAUSE_MS);
    }
  };
  const running = run();
  return async () => {
    stopped = true;
    await running;
    return samples;
  };
}

/** Milliseconds that mean the same in every process on the machine, as near as makes no odds. */
const wallClock = () => performance.timeOrigin + performance.now();

/** Of calls that were open at some time from `from` to `to`. */
function latencies(samples, from, to) {
  const open = samples.filter((sample) => sample.from <= to && sample.from + sample.ms >= from);
  const of = (what) => {
    const values = open.filter((sample) => sample.what === what).map((sample) => sample.ms);
    return values.length === 0 ? {} : { median: median(values), max: Math.max(...values) };
  };
  return { calls: open.length, get: of('get'), add: of('add') };
}

/** The same in a process of its own. */
async function startProbeProcess(place, sessionId) {
  const child = fork(fileURLToPath(import.meta.url), ['--probe'], { execArgv: [] });
  child.send({ place, sessionId });
  await once(child, 'message');
  return async () => {
    child.send('stop');
    const [result] = await once(child, 'message');
    await once(child, 'exit');
    return result;
  };
}

async function probeProcess() {
  const [{ place, sessionId }] = await once(process, 'message');
  const store = await openStore(place);
  const { memory } = await services(store);
  await memory.get(CALLER, sessionId);
  const told = once(process, 'message');
  const stop = startProbe(memory, sessionId);
  process.send('started');
  await told;
  const result = await stop();
  await store.close();
  process.send(result, () => process.disconnect());
}

async function measureDeletion({ memory, users }, place, user_id) {
  const probes = {
    'same process': async () => startProbe(memory, 'small'),
    'other process': () => startProbeProcess(place, 'small'),
  };
  const rows = [];
  for (const [where, start] of Object.entries(probes)) {
    const stopIdle = await start();
    await delay(IDLE_MS);
    rows.push({ where, what: 'idle', ...latencies(await stopIdle(), 0, wallClock()) });
    for (const change of ['delete', 'restore']) {
      const stop = await start();
      await delay(SETTLE_MS);
      let reports = 0;
      const from = wallClock();
      const { ms } = await timed(() => users[change](CALLER, user_id, () => reports++));
      const to = wallClock();
      await delay(SETTLE_MS);
      const seen = latencies(await stop(), from, to);
      rows.push({ where, what: `${change}_user`, took: ms, reports, ...seen });
    }
  }
  return rows;
}

// --------------------------------------------------------------------------------- printing

const ms = (value) => (value === undefined ? '' : `${value.toFixed(value < 100 ? 2 : 0)} ms`);

function table(header, rows) {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  for (const line of lines) {
    const cells = line.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]),
    );
    console.log(`  ${cells.join('   ')}`.trimEnd());
  }
}

async function measure(name, place, { large, rounds, userSessions }) {
  const store = await openStore(place);
  try {
    const both = await services(store);
    const { memory } = both;
    await fill(store, 'small', SMALL);
    const filled = await fill(store, 'large', large);
    console.log(
      `\n${name}: ${large.toLocaleString('en')} messages appended in ${(filled / 1000).toFixed(0)} s.`,
    );
    let missed = false;

    const sizes = await compareSizes(memory, large, rounds);
    table(
      ['median of a call', SMALL.toLocaleString('en'), large.toLocaleString('en'), 'ratio', ''],
      sizes.map((row) => {
        const met = row.ratio <= RATIO_TARGET;
        missed ||= !met;
        const verdict = met ? 'met' : `MISSED (target ${RATIO_TARGET})`;
        return [row.name, ms(row.small), ms(row.large), row.ratio.toFixed(2), verdict];
      }),
    );

    const bytes = Buffer.byteLength(JSON.stringify(await memory.get(CALLER, 'large')));
    const small = bytes < MEMORY_MAX_BYTES;
    missed ||= !small;
    console.log(`  get_memory's JSON: ${bytes} bytes, ${small ? 'met' : 'MISSED'} (under 10 KB)`);

    if (userSessions > 0) {
      const { ms: filledUser } = await timed(() => fillUser(store, 'owner', userSessions));
      const messages = userSessions * MESSAGES_PER_USER_SESSION;
      console.log(
        `  A user with ${userSessions.toLocaleString('en')} sessions and ${messages.toLocaleString('en')} messages (added in ${(filledUser / 1000).toFixed(0)} s), and what another caller sees meanwhile:`,
      );
      const rows = await measureDeletion(both, place, 'owner');
      table(
        [
          ...['other caller', 'meanwhile', 'took', 'reports', 'calls'],
          ...['get median', 'get max', 'add median', 'add max'],
        ],
        rows.map(({ where, what, took, reports, calls, get, add }) => [
          ...[where, what, ms(took), String(reports ?? ''), String(calls)],
          ...[get.median, get.max, add.median, add.max].map(ms),
        ]),
      );
    }
    return missed;
  } finally {
    await store.close();
  }
}

function wholeNumber(values, name, least) {
  const number = Number(values[name]);
  if (!Number.isInteger(number) || number < least) {
    throw new Error(`--${name} is ${values[name]}; allowed is a whole number from ${least}.`);
  }
  return number;
}

async function main() {
  const { values } = parseArgs({
    options: {
      large: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '300' },
      'user-sessions': { type: 'string', default: '10000' },
      store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
      probe: { type: 'boolean', default: false },
    },
  });
  if (values.probe) return probeProcess();
  const unknown = values.store.filter((name) => !STORES.includes(name));
  if (unknown.length > 0) throw new Error(`--store is one of ${STORES.join(', ')}.`);
  const sizes = {
    large: Math.ceil(wholeNumber(values, 'large', SMALL) / 100) * 100,
    rounds: wholeNumber(values, 'rounds', 1),
    userSessions: wholeNumber(values, 'user-sessions', 0),
  };
  await access(new URL('../dist/main.js', import.meta.url)).catch(() => {
    throw new Error('dist/main.js is missing. Run npm run build first.');
  });
  console.log(
    `Node ${process.versions.node}, ${cpus().length} cores, ${sizes.rounds} rounds after ${WARM_UP_ROUNDS} to warm up.`,
  );

  let missed = false;
  for (const name of values.store) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    try {
      if (name === 'embedded') {
        missed = (await measure(name, { file: join(folder, 'sessions.db') }, sizes)) || missed;
        continue;
      }
      server = await startMongodb(folder, name === 'standalone');
      if (server === undefined) {
        console.log(`\n${name}: SKIPPED, there is neither mongod nor secantusd-rs on the PATH.`);
        continue;
      }
      missed = (await measure(name, server.place, sizes)) || missed;
    } finally {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  console.log(`\nTargets: ${missed ? 'MISSED, see above.' : 'all met.'}`);
  if (missed) process.exitCode = 1;
}

await main().catch((error) => {
  console.error(`bench:growth: ${error.message}`);
  process.exitCode = 1;
});
