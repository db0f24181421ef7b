// How much of the speed of a bare driver the stores have.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mongodbFloor } from '../floor-mongodb.mjs';
import { CALLERS } from '../floor-records.mjs';
import { sqliteFloor } from '../floor-sqlite.mjs';
import { compareSlices } from '../slices.mjs';
import { startMongodb } from '../support.mjs';

export const title = 'Store floor';

/** The least fraction of the bare driver's calls per second. */
const TARGETS = { read: 0.8, append: 0.7 };
const CACHE_MEGABYTES = 1024;

/** Sixteen of these at once take the test server longer than the store waits for an answer. */
const LONG_APPEND = 'messages.append of 100';

function targetOf(name) {
  if (name.startsWith('messages.append')) return TARGETS.append;
  return /find|list|read/.test(name) ? TARGETS.read : undefined;
}

const whole = (value) => Number(value.toPrecision(3));

async function compare(pairs, callersOf, options, log) {
  const rows = [];
  for (const callers of callersOf) {
    for (const { name, ...pair } of pairs) {
      if (callers > 1 && name === LONG_APPEND) continue;
      const { ours, bare, ratio } = await compareSlices(pair, { callers, ...options });
      log(`${name}, ${callers} at once: ${ratio.toFixed(2)}`);
      rows.push({ name, callers, ours: whole(ours), bare: whole(bare), ratio: whole(ratio) });
    }
  }
  return rows;
}

function tableOf(id, what, rows, against, note) {
  return {
    id,
    title: what,
    note,
    columns: ['operation', 'at once', 'mcp-sessions, calls/s', `${against}, calls/s`, 'fraction'],
    rows: rows.map(({ name, callers, ours, bare, ratio }) => [name, callers, ours, bare, ratio]),
    plot: { label: [0, 1], value: 4, unit: `of ${against}`, target: TARGETS.read, kind: 'bars' },
  };
}

/** Of all operations with the same target the slowest, which is the one to reach it. */
function targetsOf(where, rows) {
  return Object.entries({ reads: TARGETS.read, 'add_memory (append)': TARGETS.append }).map(
    ([what, target]) => {
      const judged = rows.filter(({ name }) => targetOf(name) === target);
      const least = judged.reduce((a, b) => (b.ratio < a.ratio ? b : a));
      const reached = judged.filter(({ ratio }) => ratio >= target).length;
      return {
        what: `${what} in ${where}: at least ${target} of the bare driver`,
        figure: `${least.ratio} at the least (${least.name}, ${least.callers} at once); ${reached} of ${judged.length} reach it`,
        met: least.ratio >= target,
      };
    },
  );
}

const STORES = {
  mongodb: { where: 'MongoDB', against: 'bare mongodb', callers: [1, CALLERS] },
  embedded: { where: 'the embedded store', against: 'bare libsql', callers: [1] },
};

const FLOOR_NOTE = {
  mongodb:
    'The driver is told to send the very commands that the store sent, as command monitoring has recorded them: the same documents, indexes, transaction, write concern and read concern.',
  embedded:
    'libsql is given the very statements that the store has run, prepared once, in the same file with the same pragmas. Rows come as objects, as libsql gives them, with metadata parsed from its JSON.',
};

const PLAIN_NOTE =
  'A plain collection has the same messages without what they are searched by, one index, and a counter per session, in a transaction like ours. What lies between is what search costs.';

export async function measure({ quick, log }) {
  const options = quick ? { rounds: 5, sliceMs: 30 } : { rounds: 31, sliceMs: 100 };
  const tables = [];
  const targets = [];
  for (const [id, { where, against, callers }] of Object.entries(STORES)) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    let floor;
    try {
      if (id === 'mongodb') {
        server = await startMongodb(folder, false, CACHE_MEGABYTES);
        if (server === undefined) {
          log('MongoDB is left out: there is neither mongod nor secantusd-rs on the PATH');
          continue;
        }
        floor = await mongodbFloor(server.place);
      } else {
        floor = await sqliteFloor(join(folder, 'sessions.db'));
      }
      log(`the store in ${where} and ${against}`);
      const rows = await compare(floor.pairs, callers, options, log);
      tables.push(tableOf(`store-${id}`, `The store in ${where}`, rows, against, FLOOR_NOTE[id]));
      targets.push(...targetsOf(where, rows));
      const plain = await compare(floor.plain, callers, options, log);
      const name = `Appending to ${where} and to a plain collection`;
      tables.push(tableOf(`store-${id}-plain`, name, plain, 'a plain collection', PLAIN_NOTE));
      delete tables.at(-1).plot.target;
    } finally {
      await floor?.close();
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { tables, targets };
}
