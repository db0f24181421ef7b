// How long a host waits for the server that it starts, and how much memory that takes.

import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { callEach, stdioClient } from '../clients.mjs';
import { beside, OURS, serverEnv, spawnServer } from '../servers.mjs';
import { withStores } from '../stores.mjs';
import { median } from '../support.mjs';

export const title = 'Start-up and memory';

const START_TARGET_MS = 300;
const START_RATIO_TARGET = 2.5;
const IDLE_TARGET_MB = 110;

const BARE = beside('bare-server.mjs');
const WARM_UP_ROUNDS = 3;

const SESSIONS = 1000;
const CALLERS = 16;
const REST_MS = 2000;
/** What stands in for MongoDB here takes its time for a write: fewer calls show as much. */
const FULL_CALLS = { embedded: 100_000, MongoDB: 20_000 };
const QUICK_CALLS = { embedded: 5000, MongoDB: 1000 };

/** Of all calls, after how many the memory is looked at. */
const LOOKS = [0.1, 0.25, 0.5, 0.75, 1];

/** Processor time that a process has taken in ms; `undefined` where the system does not say. */
async function processorMs({ pid }) {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // Behind the name, in which there can be anything: fields 14 and 15, in hundredths of a second.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) * 10;
}

/** From spawn to the answer to `initialize`: how long that was, and how long on a processor. */
export async function startOnce(folder, script, env) {
  const started = performance.now();
  const server = await spawnServer(folder, script, [], env);
  await stdioClient(server);
  const ms = performance.now() - started;
  const processor = await processorMs(server.child);
  await server.stop();
  return { ms, processor };
}

/** Ours and the SDK's bare server are started in turns. */
async function measureStart({ place, folder }, rounds) {
  const env = serverEnv(place);
  const pairs = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const bare = await startOnce(folder, BARE, env);
    const ours = await startOnce(folder, OURS, env);
    if (round >= 0) pairs.push({ bare, ours });
  }
  return {
    bare: median(pairs.map(({ bare }) => bare.ms)),
    ours: median(pairs.map(({ ours }) => ours.ms)),
    processor: median(pairs.map(({ ours }) => ours.processor)),
    ratio: median(pairs.map(({ bare, ours }) => ours.ms / bare.ms)),
  };
}

/** Resident memory of a process in MB; `undefined` where the system does not say. */
async function residentMb({ pid }) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
}

const said = (number) => `What was said in turn ${number}. `.repeat(12).slice(0, 200);

/** The calls of an agent's day: as many of each. */
const CALLS = [
  (number) => ['get_session', { session_id: `session-${number % SESSIONS}` }],
  (number) => [
    'add_memory',
    {
      session_id: `session-${number % SESSIONS}`,
      messages: [
        { role: 'user', content: said(number) },
        { role: 'assistant', content: said(number + 1) },
      ],
    },
  ],
  () => ['list_sessions', { limit: 10 }],
];

/** @returns rows: how many calls were made, and how much memory the server has then */
async function measureMemory({ name, place, folder }, calls, log) {
  const server = await spawnServer(folder, OURS, [], serverEnv(place));
  const client = await stdioClient(server);
  const rows = [];
  const look = async (what, made) => {
    const mb = await residentMb(server.child);
    if (mb !== undefined) rows.push([name, what, made, mb]);
  };
  await delay(REST_MS);
  await look('after the handshake', 0);
  const addSession = (number) => client.call('add_session', { session_id: `session-${number}` });
  await addSession(0);
  await delay(REST_MS);
  await look('idle, its store open', 0);
  await callEach(1, SESSIONS, CALLERS, addSession);
  let made = 0;
  for (const part of LOOKS) {
    const upTo = Math.round(calls * part);
    await callEach(made, upTo, CALLERS, (number) =>
      client.call(...CALLS[number % CALLS.length](number)),
    );
    made = upTo;
    await look('under load', made);
    log(`${name}: ${made.toLocaleString('en')} calls`);
  }
  await delay(REST_MS);
  await look('at rest again', made);
  await server.stop();
  return rows;
}

function startTargets(name, { ours, ratio }) {
  if (name !== 'embedded') return [];
  return [
    {
      what: `start-up, embedded store: at most ${START_TARGET_MS} ms`,
      figure: `${ours.toFixed(0)} ms`,
      met: ours <= START_TARGET_MS,
    },
    {
      what: `start-up: at most ${START_RATIO_TARGET} times the SDK's bare server`,
      figure: `${ratio.toFixed(2)} times`,
      met: ratio <= START_RATIO_TARGET,
    },
  ];
}

const memoryTargets = (rows) =>
  rows
    .filter(([name, what]) => name === 'embedded' && what.startsWith('idle'))
    .map(([, , , mb]) => ({
      what: `idle memory, embedded store: at most ${IDLE_TARGET_MB} MB`,
      figure: `${mb.toFixed(0)} MB`,
      met: mb <= IDLE_TARGET_MB,
    }));

export async function measure({ quick, log }) {
  const starts = [];
  const memory = [];
  const targets = [];
  await withStores(log, async (store) => {
    const start = await measureStart(store, quick ? 3 : 25);
    starts.push([store.name, start.bare, start.ours, start.ratio, start.processor ?? '']);
    targets.push(...startTargets(store.name, start));
    const rows = await measureMemory(store, (quick ? QUICK_CALLS : FULL_CALLS)[store.name], log);
    memory.push(...rows);
    targets.push(...memoryTargets(rows));
  });
  const tables = [
    {
      id: 'startup-time',
      title: 'From spawn to the answer to initialize',
      note: 'No store is opened for that, whichever is configured.',
      columns: ['store', 'bare SDK server, ms', 'ours, ms', 'ours ÷ bare', 'ours, processor ms'],
      rows: starts,
      plot: { kind: 'bars', label: [0], value: 2, unit: 'ms', target: START_TARGET_MS },
    },
    {
      id: 'startup-memory',
      title: 'Resident memory',
      note: 'Calls are get_session, add_memory and list_sessions in equal parts, by 16 callers over stdio.',
      columns: ['store', 'when', 'calls', 'MB'],
      rows: memory,
      plot: { kind: 'lines', label: [0, 1], value: 3, series: 0, x: 2, unit: 'MB' },
    },
  ];
  return { tables, targets };
}
