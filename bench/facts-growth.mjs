// Measures what many facts of one user cost: adding one, searching, and the memory of a session of that
// user, with 1,000 facts and with 100,000.
//
//   npm run build && node bench/facts-growth.mjs [--store embedded|mongodb]... [--check]
//
// Prints medians and their ratio. With --check it fails above the target.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, openStore, services, startMongodb, timed } from './support.mjs';

const CALLER = { namespace: 'bench' };
const USER = { user_id: 'ada' };
const SIZES = [1000, 100_000];
const PER_CALL = 100;
const ROUNDS = 60;
const WARM_UP = 10;

/** What a call may cost at most, as a multiple of what it costs with the fewest facts. */
const TARGET = 1.5;

const CITIES = 500;
const TOPICS = ['likes', 'visited', 'lived in', 'studied in', 'worked in', 'dreams of', 'left'];

function factOf(number) {
  const city = `City${(number * 7919) % CITIES}`;
  const topic = TOPICS[number % TOPICS.length];
  const year = 1900 + (number % 120);
  return {
    ...{ subject: 'Ada', predicate: topic.toUpperCase().replaceAll(' ', '_'), object: city },
    fact: `Ada ${topic} ${city} in ${year}, says note ${number}`,
  };
}

async function measure({ facts, memory }, next) {
  const calls = {
    add_facts: () => facts.add(CALLER, USER.user_id, [factOf(next())]),
    search_facts: () => facts.search(CALLER, USER.user_id, { query: `City${next() % CITIES}` }),
    get_memory: () => memory.get(CALLER, 'now'),
  };
  const medians = {};
  for (const [name, call] of Object.entries(calls)) {
    const times = [];
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      const { ms } = await timed(call);
      if (round >= 0) times.push(ms);
    }
    medians[name] = median(times);
  }
  return medians;
}

async function run(name) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  let server;
  let store;
  try {
    if (name === 'mongodb') server = await startMongodb(folder, false, 4096);
    if (name === 'mongodb' && server === undefined) {
      console.log('mongodb: left out: there is neither mongod nor secantusd-rs on the PATH');
      return true;
    }
    store = await openStore(server?.place ?? { file: join(folder, 'sessions.db') });
    const parts = await services(store);
    await parts.users.add(CALLER, USER);
    await parts.sessions.add(CALLER, { session_id: 'now', ...USER });
    const messages = [{ role: 'user', content: 'What did I say about City17 and City42?' }];
    await parts.memory.add(CALLER, 'now', messages);
    let number = 0;
    const results = [];
    for (const size of SIZES) {
      while (number < size) {
        const some = Array.from({ length: PER_CALL }, () => factOf(number++));
        await parts.facts.add(CALLER, USER.user_id, some);
      }
      results.push(await measure(parts, () => number++));
    }
    const [few, many] = results;
    let met = true;
    for (const call of Object.keys(few)) {
      const ratio = many[call] / few[call];
      met &&= ratio <= TARGET;
      console.log(
        `${name.padEnd(9)} ${call.padEnd(13)} ${few[call].toFixed(2)} ms, ${many[call].toFixed(2)} ms, ratio ${ratio.toFixed(2)}`,
      );
    }
    return met;
  } finally {
    await store?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
    check: { type: 'boolean' },
  },
});
for (const name of values.store) {
  const met = await run(name);
  console.log(`target: at most ${TARGET} times: ${met ? 'met' : 'missed'}`);
  if (values.check && !met) process.exitCode = 1;
}
