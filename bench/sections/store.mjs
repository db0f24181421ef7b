// How much of the speed of a bare driver the stores have.

import { mongodbFloor } from '../baseline-mongodb.mjs';
import { CALLERS } from '../baseline-records.mjs';
import { sqliteFloor } from '../baseline-sqlite.mjs';
import { interleave } from '../interleave.mjs';
import { shown } from '../report.mjs';
import { withStores } from '../stores.mjs';

export const title = 'Store baseline';

/** The least fraction of the bare driver's calls per second. */
const TARGETS = { read: 0.8, append: 0.7 };
const CACHE_MEGABYTES = 1024;

/** Sixteen of these at once take the test server longer than the store waits for an answer. */
const LONG_APPEND = 'messages.append of 100';

function targetOf(name) {
  if (name.startsWith('messages.append')) return TARGETS.append;
  return /find|list|read/.test(name) ? TARGETS.read : undefined;
}

async function compare(pairs, callersOf, options, log) {
  const rows = [];
  for (const callers of callersOf) {
    for (const { name, ...pair } of pairs) {
      if (callers > 1 && name === LONG_APPEND) continue;
      const { ours, bare, ratio } = await interleave(pair, { callers, ...options });
      log(`${name}, ${callers} at once: ${shown(ratio)}`);
      rows.push({ name, callers, ours, bare, ratio });
    }
  }
  return rows;
}

function tableOf(id, what, rows, against, note, target) {
  return {
    id,
    title: what,
    note,
    columns: ['operation', 'at once', 'mcp-sessions, calls/s', `${against}, calls/s`, 'fraction'],
    rows: rows.map(({ name, callers, ours, bare, ratio }) => [name, callers, ours, bare, ratio]),
    plot: { label: [0, 1], value: 4, unit: `of ${against}`, target, kind: 'bars' },
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
        what: `${what}, ${where}: at least ${target} of the bare driver`,
        figure: `${shown(least.ratio)} at the least (${least.name}, ${least.callers} at once); ${reached} of ${judged.length} reach it`,
        met: least.ratio >= target,
      };
    },
  );
}

const STORES = {
  embedded: { against: 'bare SQLite', callers: [1], open: ({ file }) => sqliteFloor(file) },
  MongoDB: { against: 'the bare driver', callers: [1, CALLERS], open: mongodbFloor },
};

const BASELINE_NOTES = {
  embedded:
    'SQLite is given the very statements that the store has run, prepared once, in the same file with the same pragmas. Rows come as objects, the default, with metadata parsed from its JSON.',
  MongoDB:
    'The driver is told to send the very commands that the store sent, as command monitoring has recorded them: the same documents, indexes, transaction, write concern and read concern.',
};

const PLAIN_NOTE =
  'A plain collection (or table) has the same messages without what they are searched by, one index, and a counter per session, written in one transaction, or one command, like ours. What lies between is what search costs.';

export async function measure({ quick, log }) {
  const options = quick ? { rounds: 3, batchMs: 15 } : { rounds: 31, batchMs: 100 };
  const tables = [];
  const targets = [];
  const work = async ({ name, place }) => {
    const { against, callers, open } = STORES[name];
    const baseline = await open(place);
    const id = `store-${name.toLowerCase()}`;
    const titles = [
      `The store and ${against}, ${name}`,
      `Appending with and without search, ${name}`,
    ];
    try {
      log(`${name}, against ${against}`);
      const rows = await compare(baseline.pairs, callers, options, log);
      tables.push(tableOf(id, titles[0], rows, against, BASELINE_NOTES[name], TARGETS.read));
      targets.push(...targetsOf(name, rows));
      log(`${name}, against a plain collection`);
      const plain = await compare(baseline.plain, callers, options, log);
      tables.push(tableOf(`${id}-plain`, titles[1], plain, 'a plain collection', PLAIN_NOTE));
    } finally {
      await baseline.close();
    }
  };
  await withStores(log, work, CACHE_MEGABYTES);
  return { tables, targets };
}
