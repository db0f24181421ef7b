// What others take for the same work, over stdio, with more and more kept already.

import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { stdioClient } from '../clients.mjs';
import { langchain } from '../peers/langchain.mjs';
import { mongodbMcpServer } from '../peers/mongodb-mcp-server.mjs';
import { serverMemory } from '../peers/server-memory.mjs';
import { beside, OURS, serverEnv, spawnServer } from '../servers.mjs';
import { withStores } from '../stores.mjs';
import { median, timed } from '../support.mjs';

export const title = 'Peers on the same work';

const PEERS = [serverMemory, mongodbMcpServer, langchain];
const SIZES = [10, 1000, 10_000];

/** What comes before the rounds that count, of each size: until the compilers have seen the code. */
const WARM_UP = { rounds: 200, ms: 5000 };

const FOLDER = beside('peers');

/** As flat as the calls of a store that grows are asked to be. */
const FLAT = 1.3;

async function install(log) {
  const installed = await access(join(FOLDER, 'node_modules')).then(
    () => true,
    () => false,
  );
  if (installed) return;
  log('installing the peers into bench/peers, once');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  await promisify(execFile)('npm', ['install', '--prefix', FOLDER, ...options]);
}

/** The versions that are installed, as a reader of the figures wants to know them. */
async function versions() {
  const { dependencies } = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8'));
  return Object.entries(dependencies).map((entry) => entry.join(' '));
}

/** Starts ours and the peer, with so many messages kept by each. */
async function setUp(peer, { place, folder, mongo }, size, rounds) {
  // Each size has a store of its own.
  const database = `${peer.label.replaceAll('-', '_')}_${size}`;
  const env = {
    ...serverEnv('file' in place ? { file: join(folder, `${database}.db`) } : place),
    MONGODB_DATABASE: database,
  };
  const server = await spawnServer(folder, OURS, [], env);
  const ours = await stdioClient(server);
  const given = { folder, place, size, mongo, ours, rounds };
  const { works, beforeRound } = await peer.prepare(given);
  const { PATH, HOME } = env;
  const theirEnv = { PATH, HOME, ...peer.env(given) };
  const other = await spawnServer(folder, join(FOLDER, peer.script), peer.args, theirEnv);
  const theirs = await stdioClient(other);
  const times = works.map(() => ({ ours: [], theirs: [] }));
  const stop = () => Promise.all([server.stop(), other.stop()]);
  return { size, works, beforeRound, clients: { ours, theirs }, times, stop, round: 0 };
}

/** Ours and the peer do each work once, with one size of what is kept. */
async function runRound(one, counts) {
  const { works, beforeRound, clients, times } = one;
  const number = one.round++;
  await beforeRound?.();
  const sides = number % 2 === 0 ? ['ours', 'theirs'] : ['theirs', 'ours'];
  for (const [i, work] of works.entries()) {
    for (const side of sides) {
      const { ms } = await timed(() => work[side](clients[side], number));
      if (counts) times[i][side].push(ms);
    }
  }
}

/** All sizes take turns: whatever else the machine does falls on all of them alike. */
async function measurePeer(peer, where, rounds, log) {
  const setUps = [];
  const all = rounds + WARM_UP.rounds;
  for (const size of SIZES) setUps.push(await setUp(peer, where, size, all));
  for (const one of setUps) {
    const end = Date.now() + WARM_UP.ms;
    while (one.round < WARM_UP.rounds && Date.now() < end) await runRound(one, false);
  }
  for (let number = 0; number < rounds; number++) {
    for (const one of setUps) await runRound(one, true);
  }
  for (const { stop } of setUps) await stop();
  const results = setUps.flatMap(({ size, works, times }) =>
    works.map(({ what, tools }, i) => {
      const [ours, theirs] = [median(times[i].ours), median(times[i].theirs)];
      return { size, what, tools, ours, theirs, ratio: ours / theirs };
    }),
  );
  for (const { what, size, ratio } of results) {
    log(`${peer.label}, ${size} messages, ${what}: ${ratio.toFixed(2)}`);
  }
  return results;
}

function sizeTable(peer, results) {
  return {
    id: `peers-${peer.label.toLowerCase()}`,
    title: `${peer.name}: median of a call`,
    columns: ['work', 'ours / theirs', 'messages', 'ours, ms', 'theirs, ms', 'ours ÷ theirs'],
    rows: results.map(({ what, tools, size, ours, theirs, ratio }) => [
      ...[what, tools, size, ours, theirs, ratio],
    ]),
    plot: {
      ...{ kind: 'lines', label: [0, 2], value: 5, series: 0, x: 2, unit: 'ours ÷ theirs' },
      target: 1,
    },
  };
}

/** By how much each work takes longer with the most messages than with the fewest. */
function growthRows(peer, results) {
  const at = (what, size) => results.find((one) => one.what === what && one.size === size);
  return [...new Set(results.map(({ what }) => what))].map((what) => {
    const [few, many] = [at(what, SIZES[0]), at(what, SIZES.at(-1))];
    return [peer.label, what, many.ours / few.ours, many.theirs / few.theirs];
  });
}

function targetsOf(peer, results, growth) {
  const faster = results.map(({ what, size, ratio }) => ({
    what: `${peer.label}, ${what}, ${size.toLocaleString('en')} messages: ours is faster`,
    figure: `${ratio.toFixed(2)} of theirs`,
    met: ratio < 1,
  }));
  // Reading all of it grows with what there is to read, whoever does it.
  const flat = growth
    .filter(([, what]) => what !== 'read back all')
    .map(([, what, ours, theirs]) => ({
      what: `${peer.label}, ${what}: ours is flat (at most ${FLAT} times)`,
      figure: `${ours.toFixed(2)} times, theirs ${theirs.toFixed(2)}`,
      met: ours <= FLAT,
    }));
  return [...faster, ...flat];
}

export async function measure({ quick, log }) {
  await install(log);
  const rounds = quick ? 10 : 30;
  const tables = [];
  const growth = [];
  const targets = [];
  await withStores(log, async ({ name, place, folder }) => {
    const mongo = 'uri' in place ? new MongoClient(place.uri) : undefined;
    try {
      for (const peer of PEERS.filter(({ store }) => store === name)) {
        const results = await measurePeer(peer, { place, folder, mongo }, rounds, log);
        tables.push(sizeTable(peer, results));
        const grown = growthRows(peer, results);
        growth.push(...grown);
        targets.push(...targetsOf(peer, results, grown));
      }
    } finally {
      await mongo?.close();
    }
  });
  tables.push({
    id: 'peers-growth',
    title: `How much longer a call takes with ${SIZES.at(-1).toLocaleString('en')} messages than with ${SIZES[0]}`,
    note: `The peers: ${(await versions()).join(', ')}.`,
    columns: ['peer', 'work', 'ours, times', 'theirs, times'],
    rows: growth,
    plot: { kind: 'bars', label: [0, 1], value: 2, unit: 'times, ours', target: FLAT },
  });
  return { tables, targets };
}
