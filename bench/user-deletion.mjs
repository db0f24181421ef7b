// Measures whether other callers are held up while a user with 10,000 sessions and 200,000 messages is
// deleted and restored.
//
//   npm run build && node bench/user-deletion.mjs [--user-sessions 10000]
//                                                 [--store embedded|mongodb|standalone]...
//
// MongoDB is a server of its own, started from the mongod or secantusd-rs on the PATH.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { v7 as newUuid } from 'uuid';
import { dist, median, openStore, services, startMongodb, timed } from './support.mjs';
import { randomFrom, sentence } from './text.mjs';

/** Messages in the session of the other caller. */
const SMALL = 1000;
const MESSAGES_PER_USER_SESSION = 20;
const FILLERS = 32;
const IDLE_MS = 5000;
const SETTLE_MS = 300;
const PROBE_PAUSE_MS = 2;
const CALLER = { namespace: 'bench' };
const STORES = ['embedded', 'mongodb', 'standalone'];

// ------------------------------------------------------------------------------------ data

const random = randomFrom(1);

const turns = (count) =>
  Array.from({ length: count }, (_, i) => ({
    role: i % 2 === 0 ? 'user' : 'assistant',
    content: sentence(random, 20 + Math.floor(random() * 40)),
  }));

const { termsOf } = await import(dist('search/analyzer.js'));

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
    hasClientUuids: false,
    at: new Date().toISOString(),
    newUuid,
  };
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
      const append = toAppend(turns(MESSAGES_PER_USER_SESSION));
      await store.messages.append(CALLER, session_id, append);
    }
  };
  await Promise.all(Array.from({ length: FILLERS }, filler));
}

// ------------------------------------------------------------------------------- measuring

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
      await sample('add', () => memory.add(CALLER, sessionId, turns(2)));
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
  const stopped = once(process, 'message');
  const stop = startProbe(memory, sessionId);
  process.send('started');
  await stopped;
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

async function measure(name, place, userSessions) {
  const store = await openStore(place);
  try {
    const both = await services(store);
    await store.messages.append(CALLER, 'small', toAppend(turns(SMALL)));
    const { ms: filled } = await timed(() => fillUser(store, 'owner', userSessions));
    const messages = userSessions * MESSAGES_PER_USER_SESSION;
    console.log(
      `\n${name}: a user with ${userSessions.toLocaleString('en')} sessions and ${messages.toLocaleString('en')} messages (added in ${(filled / 1000).toFixed(0)} s), and what another caller sees meanwhile:`,
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
  } finally {
    await store.close();
  }
}

async function main() {
  const { values } = parseArgs({
    options: {
      'user-sessions': { type: 'string', default: '10000' },
      store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
      probe: { type: 'boolean', default: false },
    },
  });
  if (values.probe) return probeProcess();
  const unknown = values.store.filter((name) => !STORES.includes(name));
  if (unknown.length > 0) throw new Error(`--store is one of ${STORES.join(', ')}.`);
  const userSessions = Number(values['user-sessions']);
  if (!Number.isInteger(userSessions) || userSessions < 1) {
    throw new Error(
      `--user-sessions is ${values['user-sessions']}; allowed is a whole number from 1.`,
    );
  }
  await access(new URL('../dist/main.js', import.meta.url)).catch(() => {
    throw new Error('dist/main.js is missing. Run npm run build first.');
  });

  for (const name of values.store) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    try {
      if (name !== 'embedded') server = await startMongodb(folder, name === 'standalone');
      const place = name === 'embedded' ? { file: join(folder, 'sessions.db') } : server?.place;
      if (place !== undefined) await measure(name, place, userSessions);
      else console.log(`\n${name}: left out, there is neither mongod nor secantusd-rs on the PATH`);
    } finally {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

await main().catch((error) => {
  console.error(`bench:user-deletion: ${error.message}`);
  process.exitCode = 1;
});
