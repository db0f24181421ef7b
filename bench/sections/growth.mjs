// Whether calls stay as fast as what is stored grows.

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { controlCalls, growthCalls } from '../growth-calls.mjs';
import { fill } from '../growth-data.mjs';
import { shown } from '../report.mjs';
import { withStores } from '../stores.mjs';
import { findMongodb, median, openStore, timed } from '../support.mjs';
import { toolCaller } from '../tools.mjs';

export const title = 'Growth';

/** A call may take this many times as long at the largest size as at the smallest. */
const RATIO_TARGET = 1.3;
const MEMORY_MAX_BYTES = 10 * 1024;
const CACHE_MEGABYTES = 4096;
const SIZES = [1000, 100_000, 1_000_000];
const QUICK_SIZES = [1000, 20_000];
const WARM_UP_ROUNDS = 5;
const UNANSWERED_MS = 5000;

const NOTES = {
  judged:
    'Medians in milliseconds, of tool calls that go to all sizes in turns, without the protocol before them. A store of size N has N users, N sessions, of which a user has 100, and a session of N messages; sessions, users and messages are chosen at random over all of them. "Middle" is half way through the list. A call that had no answer counts with the 4.5 s after which it was given up.',
  unjudged:
    'No target: include_total counts what it lists (of messages it does not have to), page_number skips what comes before the page, and a search goes through up to 300 of the messages that have a word. delete_user goes through the 100 sessions of the user: in a small store they are a tenth of everything and share its few pages, in a large one they are spread over many.',
  control:
    'The bare driver on the same server and collection, by nothing but _id, without any code of this project. What grows here grows with the server: mongod finds, sorts and changes by _id in the depth of a B-tree.',
};

/**
 * Makes the calls of one kind in turns on all sizes, until there are enough rounds, they have taken
 * long enough, or one had no answer.
 *
 * @returns the milliseconds of each call by size
 */
async function times(calls, { rounds, minRounds, budgetMs }) {
  const found = calls.map(() => []);
  const started = performance.now();
  let answered = true;
  const call = async (index, round) => {
    const { ms } = await timed(() =>
      calls[index](round).catch((error) => {
        if (error.code !== 'UNAVAILABLE') throw error;
        answered = false;
      }),
    );
    found[index].push(ms);
  };
  for (let round = 0; round < rounds && answered; round++) {
    if (round >= minRounds && performance.now() - started > budgetMs) break;
    // Whoever goes second finds the processor's caches warm: take turns at that, too.
    const order = calls.map((_, index) => (index + round) % calls.length);
    for (const index of round % 2 === 0 ? order : order.toReversed()) await call(index, round);
  }
  // The server may still be at what nobody waits for any more.
  if (!answered) await delay(UNANSWERED_MS);
  return found.map((ms) => ms.slice(ms.length > 2 * WARM_UP_ROUNDS ? WARM_UP_ROUNDS : 0));
}

/** Measures every call that there is for all sizes. */
async function compare(bySize, options, log) {
  const rows = [];
  for (const name of Object.keys(bySize[0])) {
    const medians = (
      await times(
        bySize.map((calls) => calls[name]),
        options,
      )
    ).map(median);
    const ratio = medians.at(-1) / medians[0];
    log(`${name}: ${medians.map(shown).join(', ')} ms, ${shown(ratio)}`);
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
    rows: rows.map(({ name, medians, ratio }) => [name, ...medians, ratio]),
    plot: {
      ...{ label: [0], value: sizes.length + 1, kind: 'bars', target: RATIO_TARGET },
      unit: `times as long at ${count(sizes.at(-1))} as at ${count(sizes[0])}`,
    },
  };
}

function targetsOf(where, rows, control, bytes) {
  const most = rows.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const over = rows.filter(({ ratio }) => ratio > RATIO_TARGET);
  const listOf = (all) => all.map(({ name, ratio }) => `${name} (${shown(ratio)})`).join(', ');
  const grown = control.filter(({ ratio }) => ratio > RATIO_TARGET);
  const server = grown.length === 0 ? '' : `; of the bare driver's control: ${listOf(grown)}`;
  return [
    {
      what: `growth, ${where}: at most ${RATIO_TARGET} times`,
      figure:
        over.length === 0
          ? `${shown(most.ratio)} at the most (${most.name})`
          : `${rows.length - over.length} of ${rows.length} reach it, but not ${listOf(over)}${server}`,
      met: over.length === 0,
    },
    {
      what: `get_memory's answer of the longest session, ${where}: under 10 KB`,
      figure: `${bytes} bytes`,
      met: bytes < MEMORY_MAX_BYTES,
    },
  ];
}

async function measureStore({ name, place, folder }, sizes, options, log) {
  const placeOf = (size) =>
    'file' in place
      ? { file: join(folder, `of-${size}.db`) }
      : { ...place, database: `of_${size}` };
  const stores = [];
  const closers = [];
  try {
    for (const size of sizes) {
      const store = await openStore(placeOf(size));
      closers.push(store);
      const { ms } = await timed(() => fill(placeOf(size), store, size));
      log(`${name}: ${size.toLocaleString('en')} of each, loaded in ${shown(ms / 1000)} s`);
      stores.push(await growthCalls((await toolCaller(store)).call, size));
    }
    const bytes = await stores.at(-1).bytesOfMemory();
    const id = `growth-${name.toLowerCase()}`;
    const judged = await compare(
      stores.map((one) => one.judged),
      options,
      log,
    );
    const unjudged = await compare(
      stores.map((one) => one.unjudged),
      options,
      log,
    );
    const titles = {
      judged: `Milliseconds of a call by size, ${name}`,
      unjudged: `Counting, skipping and searching by size, ${name}`,
      control: `The bare driver by size, ${name}`,
    };
    const tables = [
      tableOf(id, titles.judged, NOTES.judged, sizes, judged),
      tableOf(`${id}-unjudged`, titles.unjudged, NOTES.unjudged, sizes, unjudged),
    ];
    let control = [];
    if ('uri' in place) {
      const controls = [];
      for (const size of sizes) {
        const opened = await controlCalls(placeOf(size));
        closers.push(opened);
        controls.push(opened.calls);
      }
      control = await compare(controls, options, log);
      tables.push(tableOf(`${id}-control`, titles.control, NOTES.control, sizes, control));
    }
    return { tables, targets: targetsOf(name, judged, control, bytes) };
  } finally {
    for (const one of closers) await one.close();
  }
}

export async function measure({ quick, log }) {
  // What stands in for a mongod walks all of a list, however short the page: at a million it takes
  // longer than any call may, after twenty minutes of loading.
  const standIn = (await findMongodb())?.isMongod === false;
  const sizesOf = ({ place }) => {
    if (quick) return QUICK_SIZES;
    return 'uri' in place && standIn ? SIZES.slice(0, -1) : SIZES;
  };
  const options = quick
    ? { rounds: 20, minRounds: 3, budgetMs: 200 }
    : { rounds: 100, minRounds: 5, budgetMs: 3000 };
  const tables = [];
  const targets = [];
  const work = async (one) => {
    const measured = await measureStore(one, sizesOf(one), options, log);
    tables.push(...measured.tables);
    targets.push(...measured.targets);
  };
  await withStores(log, work, CACHE_MEGABYTES);
  return { tables, targets };
}
