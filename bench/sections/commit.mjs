// How fast the stores are compared with those of another commit, in one run: each figure is a ratio of
// batches that take turns.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fill, newAppend, reads, writes } from '../baseline-records.mjs';
import { interleave } from '../interleave.mjs';
import { shown } from '../report.mjs';
import { OURS, serverEnv } from '../servers.mjs';
import { median, openStore, serverUse, startMongodb } from '../support.mjs';
import { CALLS, compare, leave, prepare, reach, TRANSPORTS, warmUp } from './protocol.mjs';
import { startOnce } from './startup.mjs';

export const title = 'Against another commit';

/** The least fraction of the other commit's speed. */
const TARGET = 0.95;

const FULL = {
  rounds: 31,
  batchMs: 100,
  batches: 12,
  protocolMs: 400,
  warmUpCalls: 4000,
  starts: 25,
};
const QUICK = { rounds: 3, batchMs: 15, batches: 3, protocolMs: 100, warmUpCalls: 100, starts: 3 };

const MOST_CALLERS = 16;

/** What an agent does all day, beside what the protocol section measures. */
const MORE_CALLS = {
  get_memory: (number) => ({ session_id: `session-${number % 16}` }),
  search_memory: (number) => ({ query: `what was said in turn ${number % 100}` }),
};

/** An append has had other fields, too. */
const appends = (store) => ({
  'messages.append of 2': (caller) =>
    store.messages.append({ namespace: 'bench' }, `other-${caller}`, newAppend(2)),
});

/** Opens the store of another commit. */
async function openOther(other, place) {
  const imported = (path) => import(pathToFileURL(join(other, 'dist/store', path)));
  // Commits from before stores were told how they are used take no notice of that.
  const use = await serverUse();
  if ('file' in place) {
    return (await imported('sqlite/index.js')).openSqliteStore(place.file, use);
  }
  const { createMongoClient, openMongoStore } = await imported('mongodb/index.js');
  return openMongoStore({ client: createMongoClient(place.uri), ...place, ...use });
}

async function compareStores({ name: kind, places }, other, effort, log) {
  const [ours, theirs] = places;
  const stores = [await openStore(ours), await openOther(other, theirs)];
  const calls = [];
  for (const store of stores) {
    const uuids = await fill(store);
    calls.push({ ...reads(store, uuids), ...writes(store), ...appends(store) });
  }
  const rows = [];
  for (const [name, call] of Object.entries(calls[0])) {
    const pair = { ours: call, bare: calls[1][name] };
    const { ours: a, bare: b, ratio } = await interleave(pair, { callers: 1, ...effort });
    log(`${name}, ${kind}: ${shown(ratio)}`);
    rows.push([name, `${kind} store itself`, 1, b, a, ratio]);
  }
  for (const store of stores) await store.close();
  return rows;
}

async function compareServers({ name: kind, places }, folder, other, effort, log) {
  const scripts = [OURS, join(other, 'dist/main.js')];
  for (const [i, place] of places.entries()) await prepare({ folder, place }, scripts[i]);
  const rows = [];
  for (const [transport, way] of Object.entries(TRANSPORTS)) {
    const servers = [];
    for (const [i, place] of places.entries()) {
      servers.push(await reach(folder, way, scripts[i], [], serverEnv(place)));
    }
    for (const server of servers) await warmUp(server, effort);
    const options = { batches: effort.batches, batchMs: effort.protocolMs };
    for (const [tool, argsOf] of Object.entries({ ...CALLS, ...MORE_CALLS })) {
      for (const callers of [1, MOST_CALLERS]) {
        const [ours, theirs] = servers;
        const { a, b, ratio } = await compare(theirs, ours, tool, callers, options, argsOf);
        log(`${tool}, ${kind}, ${transport}, ${callers} callers: ${shown(ratio)}`);
        rows.push([tool, `${kind}, ${transport}`, callers, a, b, ratio]);
      }
    }
    for (const server of servers) await leave(server);
  }
  return rows;
}

async function compareStarts(folder, other, { starts }, log) {
  const env = serverEnv({ file: join(folder, 'start.db') });
  const pairs = [];
  for (let round = -2; round < starts; round++) {
    const theirs = await startOnce(folder, join(other, 'dist/main.js'), env);
    const ours = await startOnce(folder, OURS, env);
    if (round >= 0) pairs.push([1000 / theirs.ms, 1000 / ours.ms]);
  }
  const ratio = median(pairs.map(([theirs, ours]) => ours / theirs));
  log(`starts: ${shown(ratio)}`);
  const [a, b] = [0, 1].map((side) => median(pairs.map((pair) => pair[side])));
  return [['start to handshake', 'stdio', 1, a, b, ratio]];
}

/** @param against a checkout of the other commit, with its packages, that is built */
export async function measure({ quick, log, against }) {
  const other = resolve(against);
  const effort = quick ? QUICK : FULL;
  const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  let mongodb;
  try {
    const rows = [];
    const pair = (placeOf) => ['ours', 'theirs', 'a', 'b'].map(placeOf);
    const compared = [
      { name: 'embedded', all: pair((name) => ({ file: join(folder, `${name}.db`) })) },
    ];
    mongodb = await startMongodb(folder);
    if (mongodb === undefined) log('MongoDB: no server on the PATH');
    else {
      const all = pair((database) => ({ ...mongodb.place, database }));
      compared.push({ name: 'MongoDB', all });
    }
    for (const { name, all } of compared) {
      const [stores, servers] = [all.slice(0, 2), all.slice(2)];
      rows.push(...(await compareStores({ name, places: stores }, other, effort, log)));
      rows.push(...(await compareServers({ name, places: servers }, folder, other, effort, log)));
    }
    rows.push(...(await compareStarts(folder, other, effort, log)));
    const least = rows.reduce((one, two) => (two[5] < one[5] ? two : one));
    const reached = rows.filter(([, , , , , ratio]) => ratio >= TARGET).length;
    return {
      tables: [
        {
          id: 'commit',
          title: 'The stores and servers, as a fraction of the other commit',
          columns: ['what', 'by', 'callers', 'other, calls/s', 'ours, calls/s', 'ours ÷ other'],
          rows,
        },
      ],
      targets: [
        {
          what: `each figure: at least ${TARGET} of the other commit`,
          figure: `${shown(least[5])} at the least (${least.slice(0, 3).join(', ')}); ${reached} of ${rows.length} reach it`,
          met: least[5] >= TARGET,
        },
      ],
    };
  } finally {
    await mongodb?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
