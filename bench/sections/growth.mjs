// Whether calls stay as fast as what is stored grows.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { growthCalls } from '../growth-calls.mjs';
import { fillMongodb, fillSqlite } from '../growth-data.mjs';
import { median, openStore, services, startMongodb, timed } from '../support.mjs';

export const title = 'Growth';

/** A call may take this many times as long at the largest size as at the smallest. */
const RATIO_TARGET = 1.3;
const MEMORY_MAX_BYTES = 10 * 1024;
const CACHE_MEGABYTES = 4096;
const WARM_UP_ROUNDS = 5;
const MIN_ROUNDS = 9;

const NOTE = `Medians in milliseconds, of calls that go to all sizes in turns. A namespace of size N has N users, N sessions of which a user has 100, and a session of N messages; all sizes are in one database or file. Sessions, users and messages are chosen at random over all of them. "Middle" is half way through the list.`;

const TOLD_NOTE =
  'No target: include_total counts what it lists (of messages it does not have to), page_number skips what comes before the page, and a search goes through up to 500 of the messages that have a word.';

/**
 * Makes the calls of one kind in turns on all sizes, until there are enough rounds or they have taken
 * long enough.
 *
 * @returns the milliseconds of each call by size; one that had no answer in time counts as that time
 */
async function times(calls, { rounds, budgetMs }) {
  const found = calls.map(() => []);
  const started = performance.now();
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    if (round >= MIN_ROUNDS && performance.now() - started > budgetMs) break;
    // Whoever goes second finds the processor's caches warm: take turns at that, too.
    const order = calls.map((_, index) => (index + Math.abs(round)) % calls.length);
    for (const index of round % 2 === 0 ? order : order.toReversed()) {
      const { ms } = await timed(() =>
        calls[index](round + WARM_UP_ROUNDS).catch((error) => {
          if (error.code !== 'UNAVAILABLE') throw error;
        }),
      );
      if (round >= 0) found[index].push(ms);
    }
  }
  return found;
}

const short = (value) => Number(value.toPrecision(3));

async function compare(bySize, which, options, log) {
  const rows = [];
  for (const name of Object.keys(bySize[0][which])) {
    const found = await times(
      bySize.map((calls) => calls[which][name]),
      options,
    );
    const medians = found.map(median);
    const ratio = medians.at(-1) / medians[0];
    log(`${name}: ${medians.map((value) => value.toFixed(2)).join(', ')} ms, ${ratio.toFixed(2)}`);
    rows.push({ name, medians, ratio });
  }
  return rows;
}

function tableOf(id, what, note, sizes, rows) {
  const count = (size) => size.toLocaleString('en');
  return {
    id,
    title: what,
    note,
    columns: ['operation', ...sizes.map(count), 'ratio'],
    rows: rows.map(({ name, medians, ratio }) => [name, ...medians.map(short), short(ratio)]),
    plot: {
      ...{ label: [0], value: sizes.length + 1, kind: 'bars' },
      unit: `times as long at ${count(sizes.at(-1))} as at ${count(sizes[0])}`,
      target: RATIO_TARGET,
    },
  };
}

function targetsOf(where, rows, bytes) {
  const most = rows.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const over = rows.filter(({ ratio }) => ratio > RATIO_TARGET);
  return [
    {
      what: `growth in ${where}: at most ${RATIO_TARGET} times`,
      figure:
        over.length === 0
          ? `${short(most.ratio)} at the most (${most.name})`
          : `more for ${over.map(({ name, ratio }) => `${name} (${short(ratio)})`).join(', ')}`,
      met: over.length === 0,
    },
    {
      what: `get_memory's answer in ${where}, of the longest session: under 10 KB`,
      figure: `${bytes} bytes`,
      met: bytes < MEMORY_MAX_BYTES,
    },
  ];
}

const STORES = {
  embedded: { where: 'the embedded store', fill: fillSqlite },
  mongodb: { where: 'MongoDB', fill: fillMongodb },
};

export async function measure({ quick, log }) {
  const sizes = quick ? [1000, 20_000] : [1000, 100_000, 1_000_000];
  const options = quick ? { rounds: 40, budgetMs: 1000 } : { rounds: 200, budgetMs: 8000 };
  const tables = [];
  const targets = [];
  for (const [id, { where, fill }] of Object.entries(STORES)) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    let store;
    try {
      if (id === 'mongodb') {
        server = await startMongodb(folder, false, CACHE_MEGABYTES);
        if (server === undefined) {
          log('MongoDB is left out: there is neither mongod nor secantusd-rs on the PATH');
          continue;
        }
      }
      const place = server?.place ?? { file: join(folder, 'sessions.db') };
      store = await openStore(place);
      for (const size of sizes) {
        const { ms } = await timed(() => fill(place, store, size));
        log(`${where}: ${size} of each loaded in ${(ms / 1000).toFixed(0)} s`);
      }
      const parts = await services(store);
      const bySize = [];
      for (const size of sizes) bySize.push(await growthCalls(parts, size));
      const bytes = await bySize.at(-1).bytesOfMemory();
      const judged = await compare(bySize, 'judged', options, log);
      const told = await compare(bySize, 'told', options, log);
      const longer = `How much longer calls take in ${where}`;
      const counting = `How much longer counting, skipping and searching take in ${where}`;
      tables.push(tableOf(`growth-${id}`, longer, NOTE, sizes, judged));
      tables.push(tableOf(`growth-${id}-told`, counting, TOLD_NOTE, sizes, told));
      targets.push(...targetsOf(where, judged, bytes));
    } finally {
      await store?.close();
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
  return { tables, targets };
}
