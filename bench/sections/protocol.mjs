// How much of the speed that the SDK and our transports allow is left of a call that uses a store,
// and how much they allow compared with the SDK as it comes.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callEach, contentOf, drive, httpClient, stdioClient } from '../clients.mjs';
import { beside, OURS, serverEnv, spawnHttpServer, spawnServer } from '../servers.mjs';
import { withStores } from '../stores.mjs';
import { median } from '../support.mjs';

export const title = 'Protocol baseline';

/** What `get_session` has to reach of the baseline, at the most callers; and the baseline of the SDK. */
const TARGETS = { embedded: 0.85, MongoDB: 0.7 };
const BASELINE_TARGET = 1.4;

const MOST_CALLERS = 16;
const SESSIONS = 1000;

const FULL = { callerCounts: [1, MOST_CALLERS], batches: 8, batchMs: 400, warmUpCalls: 4000 };
const QUICK = { callerCounts: [MOST_CALLERS], batches: 3, batchMs: 100, warmUpCalls: 100 };

const BASELINE = beside('baseline-server.mjs');
const OUT_OF_THE_BOX = beside('out-of-the-box-server.mjs');

export const TRANSPORTS = {
  stdio: { http: false },
  'modern HTTP': { http: true, era: 'modern' },
  'legacy HTTP': { http: true, era: 'legacy' },
};

const said = (number) => `What was said in turn ${number}. `.repeat(12).slice(0, 200);

/** The tools that are measured, with the arguments of the call with a number. */
export const CALLS = {
  get_session: (number) => ({ session_id: `session-${number % SESSIONS}` }),
  add_memory: (number) => ({
    session_id: `session-${number % SESSIONS}`,
    messages: [
      { role: 'user', content: said(number) },
      { role: 'assistant', content: said(number + 1) },
    ],
  }),
  list_sessions: () => ({}),
};

/** Starts a server and a client of it. */
export async function reach(folder, { http, era }, script, args, env) {
  if (!http) {
    const server = await spawnServer(folder, script, args, env);
    return { server, client: await stdioClient(server) };
  }
  const server = await spawnHttpServer(folder, script, [...args, '--http', '--port', '0'], env);
  return { server, client: await httpClient(server, era) };
}

export async function leave({ client, server }) {
  client.close();
  await server.stop();
}

/**
 * Lets two servers answer the same calls in turns, so that whatever else the machine does falls on
 * both alike.
 *
 * @returns the median of the calls per second of each, and of the ratios of neighbouring turns
 */
export function compare(a, b, tool, callers, effort, argsOf = CALLS[tool]) {
  const call =
    ({ client }) =>
    (number) =>
      client.call(tool, argsOf(number));
  return compareCalls(call(a), call(b), callers, effort);
}

/** The same for two functions that each make the call with a number. */
export async function compareCalls(a, b, callers, { batches, batchMs }) {
  let number = 0;
  const turn = (call) => drive(() => call(number++), callers, batchMs);
  const rates = { a: [], b: [] };
  for (let batch = -1; batch < batches; batch++) {
    const first = batch % 2 === 0 ? 'a' : 'b';
    for (const side of first === 'a' ? ['a', 'b'] : ['b', 'a']) {
      const rate = await turn(side === 'a' ? a : b);
      // The first turns only warm up.
      if (batch >= 0) rates[side].push(rate);
    }
  }
  const ratios = rates.a.map((rate, i) => rates.b[i] / rate);
  return { a: median(rates.a), b: median(rates.b), ratio: median(ratios) };
}

/** Fills a store by a server of ours. @returns a file with what ours answers to each call */
export async function prepare({ folder, place }, script = OURS) {
  const ours = await reach(folder, TRANSPORTS.stdio, script, [], serverEnv(place));
  const { client } = ours;
  await callEach(0, SESSIONS, MOST_CALLERS, (number) => {
    const metadata = { topic: `topic ${number % 10}`, language: 'en', turns: number };
    return client.call('add_session', { session_id: `session-${number}`, metadata });
  });
  const answers = {};
  for (const tool of Object.keys(CALLS)) {
    answers[tool] = contentOf(await client.call(tool, CALLS[tool](0)));
  }
  await leave(ours);
  const file = join(folder, 'answers.json');
  await writeFile(file, JSON.stringify(answers));
  return file;
}

/** Lets a server run until it is as fast as it gets: the compiler takes some thousand calls. */
export async function warmUp({ client }, { warmUpCalls }) {
  const call = (number) => client.call('get_session', CALLS.get_session(number));
  await callEach(0, warmUpCalls, MOST_CALLERS, call);
}

/** Each tool of ours, over each transport, as a fraction of the baseline. */
async function measureStore({ name, place, folder }, answersFile, effort, log) {
  const env = serverEnv(place);
  const rows = [];
  for (const [transport, way] of Object.entries(TRANSPORTS)) {
    const ours = await reach(folder, way, OURS, [], env);
    const baseline = await reach(folder, way, BASELINE, [answersFile], env);
    for (const server of [ours, baseline]) await warmUp(server, effort);
    for (const tool of Object.keys(CALLS)) {
      for (const callers of effort.callerCounts) {
        const { a, b, ratio } = await compare(baseline, ours, tool, callers, effort);
        rows.push([tool, transport, callers, a, b, ratio]);
        log(
          `${name}: ${tool}, ${transport}, ${callers} callers: ${ratio.toFixed(2)} of the baseline`,
        );
      }
    }
    await leave(baseline);
    await leave(ours);
  }
  return rows;
}

/** The baseline itself, as a multiple of the SDK's server. */
async function measureBaseline({ place, folder }, answersFile, effort, log) {
  const env = serverEnv(place);
  const rows = [];
  for (const [transport, way] of Object.entries(TRANSPORTS)) {
    const theirs = await reach(folder, way, OUT_OF_THE_BOX, [answersFile], env);
    const baseline = await reach(folder, way, BASELINE, [answersFile], env);
    for (const server of [theirs, baseline]) await warmUp(server, effort);
    for (const callers of effort.callerCounts) {
      const { a, b, ratio } = await compare(theirs, baseline, 'get_session', callers, effort);
      rows.push([transport, callers, a, b, ratio]);
      log(`baseline, ${transport}, ${callers} callers: ${ratio.toFixed(2)} times out of the box`);
    }
    await leave(baseline);
    await leave(theirs);
  }
  return rows;
}

function storeTable(name, rows) {
  return {
    id: `protocol-${name.toLowerCase()}`,
    title: `Calls per second as a fraction of the baseline, ${name === 'embedded' ? 'embedded store' : name}`,
    columns: [
      'tool',
      'transport',
      'callers',
      'baseline, calls/s',
      'ours, calls/s',
      'ours ÷ baseline',
    ],
    rows,
    plot: {
      ...{ kind: 'bars', label: [0, 1, 2], value: 5, series: 0, unit: 'of the baseline' },
      target: TARGETS[name],
    },
  };
}

function storeTargets(name, rows) {
  return rows
    .filter(([tool, , callers]) => tool === 'get_session' && callers === MOST_CALLERS)
    .map(([, transport, , , , ratio]) => ({
      what: `get_session, ${name}, ${transport}, ${MOST_CALLERS} callers: at least ${TARGETS[name]} of the baseline`,
      figure: ratio.toFixed(2),
      met: ratio >= TARGETS[name],
    }));
}

export async function measure({ quick, log }) {
  const effort = quick ? QUICK : FULL;
  const tables = [];
  const targets = [];
  let baselineRows;
  await withStores(log, async (store) => {
    const answersFile = await prepare(store);
    const rows = await measureStore(store, answersFile, effort, log);
    tables.push(storeTable(store.name, rows));
    targets.push(...storeTargets(store.name, rows));
    baselineRows ??= await measureBaseline(store, answersFile, effort, log);
  });
  tables.push({
    id: 'protocol-out-of-the-box',
    title: "The baseline's calls per second as a multiple of the SDK's out-of-the-box server",
    columns: ['transport', 'callers', 'SDK, calls/s', 'baseline, calls/s', 'baseline ÷ SDK'],
    rows: baselineRows,
    plot: {
      ...{ kind: 'bars', label: [0, 1], value: 4, series: 0, unit: 'times' },
      target: BASELINE_TARGET,
    },
  });
  for (const [transport, callers, , , ratio] of baselineRows) {
    if (callers !== MOST_CALLERS) continue;
    targets.push({
      what: `baseline, ${transport}, ${callers} callers: at least ${BASELINE_TARGET} times the SDK out of the box`,
      figure: ratio.toFixed(2),
      met: ratio >= BASELINE_TARGET,
    });
  }
  return { tables, targets };
}
