// Measures how long a search takes among many messages: within one user who has 10,000, and over a
// whole namespace of 1,000,000, for words that are rare, usual and common; and how long a memory with
// the context of that user takes.
//
//   npm run build && node bench/search-speed.mjs [--messages 1000000] [--rounds 40]
//                                                [--store embedded|mongodb]... [--check]
//
// Words come with the frequencies of natural language (Zipf's law over 20,000 words). MongoDB is a
// server of its own, started from the mongod or secantusd-rs on the PATH. Prints medians, and what
// the terms add to a message in the store. With --check it fails above the targets.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median, openStore, services, startMongodb, timed } from './support.mjs';
import { randomFrom } from './text.mjs';

const CALLER = { namespace: 'bench' };
const USER_MESSAGES = 10_000;
const SESSION_MESSAGES = 100;
const VOCABULARY = 20_000;
/** More would only wait for each other: this is not what is measured. */
const WRITERS = 2;
/**
 * A service with a million messages has the memory for them. The test server keeps every key of an
 * index whole, which takes it three times as much as a mongod.
 */
const CACHE_MEGABYTES = 8192;
const SETTLE_MS = 180_000;
/** A server is at rest when it answers so many searches in a row. */
const SETTLED = 5;
/** What a search that had no answer counts as. */
const UNANSWERED_MS = 4500;
/** In milliseconds: of all searches within a user, and of those over the namespace for common words. */
const TARGETS = { user: 50, namespace: 500 };
const CONTEXT_TARGETS = { embedded: 60, mongodb: 120 };

const CONSONANTS = 'bdfgklmnprtvz';
const VOWELS = 'aiou';

/** A word that no stemmer changes, of the given rank by frequency. */
function wordOf(rank) {
  let word = '';
  for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / 52)) {
    word += CONSONANTS[rest % 13] + VOWELS[Math.floor(rest / 13) % 4];
  }
  return `${word}x`;
}

const zipf = (random) => Math.floor(VOCABULARY ** random());

function contentOf(random) {
  const length = 8 + Math.floor(random() * 32);
  return Array.from({ length }, () => wordOf(zipf(random))).join(' ');
}

async function fill({ users, memory, sessions }, messages) {
  const random = randomFrom(1);
  const userCount = messages / USER_MESSAGES;
  for (let user = 0; user < userCount; user++) await users.add(CALLER, { user_id: `user-${user}` });
  let next = 0;
  let missing = 0;
  const write = async () => {
    while (next < messages / SESSION_MESSAGES) {
      const number = next++;
      const session_id = `session-${number}`;
      const user_id = `user-${number % userCount}`;
      await sessions.add(CALLER, { session_id, user_id }).catch(() => undefined);
      const turns = Array.from({ length: SESSION_MESSAGES }, (_, i) => ({
        role: i % 2 === 0 ? 'user' : 'assistant',
        content: contentOf(random),
      }));
      // A test server that is flushing what came before may be away for a while.
      await memory.add(CALLER, session_id, turns).catch((error) => {
        if (error.code !== 'UNAVAILABLE') throw error;
        missing++;
      });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return missing;
}

/** Four words of about a rank each. */
const query = (random, rank) =>
  Array.from({ length: 4 }, () => wordOf(Math.floor(rank * (0.5 + random())))).join(' ');

const KINDS = { rare: 10_000, usual: 1000, common: 30 };

/** Nothing, where a server was too busy to answer. */
const answered = (result) =>
  result.catch((error) => {
    if (error.code !== 'UNAVAILABLE') throw error;
  });

async function measure(name, { search }, rounds) {
  const scopes = { user: { user_id: 'user-1' }, namespace: {} };
  let missed = false;
  for (const [scope, where] of Object.entries(scopes)) {
    const all = [];
    const medians = {};
    for (const [kind, rank] of Object.entries(KINDS)) {
      const random = randomFrom(rank);
      const times = [];
      let considered = 0;
      for (let round = -3; round < rounds; round++) {
        const input = { query: query(random, rank), ...where };
        const { ms, result } = await timed(() => answered(search.search(CALLER, input)));
        if (round >= 0) times.push(result === undefined ? Math.max(ms, UNANSWERED_MS) : ms);
        considered = Math.max(considered, result?.considered_count ?? 0);
      }
      medians[kind] = median(times);
      all.push(...times);
      console.log(
        `${name.padEnd(9)} ${scope.padEnd(10)} ${kind.padEnd(7)} ${medians[kind].toFixed(1).padStart(8)} ms   slowest ${Math.max(...times).toFixed(1)} ms, ranked at most ${considered}`,
      );
    }
    const judged = scope === 'user' ? median(all) : medians.common;
    missed ||= judged > TARGETS[scope];
    console.log(
      `${name.padEnd(9)} ${scope.padEnd(10)} judged  ${judged.toFixed(1).padStart(8)} ms`,
    );
  }
  return missed;
}

/** The memory of sessions of the user, each with what the others have to do with its last messages. */
async function measureContext(name, { memory }, messages, rounds) {
  const times = [];
  const userCount = messages / USER_MESSAGES;
  const sessionsOfUser = USER_MESSAGES / SESSION_MESSAGES;
  let without = 0;
  for (let round = -3; round < rounds; round++) {
    const number = ((round + 3) % sessionsOfUser) * userCount + (1 % userCount);
    const read = () => answered(memory.get(CALLER, `session-${number}`));
    const { ms, result } = await timed(read);
    if (!(result?.context?.sessions.length > 0)) without++;
    if (round >= 0) times.push(ms);
  }
  console.log(
    `${name.padEnd(9)} memory with context ${median(times).toFixed(1).padStart(7)} ms   slowest ${Math.max(...times).toFixed(1)} ms, ${without} without (target ${CONTEXT_TARGETS[name]} ms)`,
  );
  return median(times) > CONTEXT_TARGETS[name] || without > rounds / 10;
}

/** Waits until a server that is still putting away what was loaded answers again. */
async function settled({ search }) {
  const deadline = Date.now() + SETTLE_MS;
  for (let answered = 0; answered < SETTLED; ) {
    try {
      const random = randomFrom(answered);
      await search.search(CALLER, { query: query(random, KINDS.usual), user_id: 'user-1' });
      answered++;
    } catch (error) {
      if (error.code !== 'UNAVAILABLE' || Date.now() > deadline) throw error;
      answered = 0;
    }
  }
}

async function run(name, messages, rounds) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  let server;
  let store;
  try {
    if (name === 'mongodb') server = await startMongodb(folder, false, CACHE_MEGABYTES);
    if (name === 'mongodb' && server === undefined) {
      console.log('mongodb: left out: there is neither mongod nor secantusd-rs on the PATH');
      return false;
    }
    const file = join(folder, 'sessions.db');
    store = await openStore(server?.place ?? { file });
    const parts = await services(store);
    const { ms, result: missing } = await timed(() => fill(parts, messages));
    const stored = messages - missing * SESSION_MESSAGES;
    console.log(`${name}: ${stored} messages stored in ${(ms / 1000).toFixed(0)} s`);
    if (server === undefined) {
      const bytes = (await stat(file)).size;
      console.log(`${name}: ${Math.round(bytes / messages)} bytes a message, all in all`);
    }
    const { ms: settling } = await timed(() => settled(parts));
    console.log(`${name}: settled after ${(settling / 1000).toFixed(1)} s`);
    const isSlow = await measure(name, parts, rounds);
    return (await measureContext(name, parts, messages, rounds)) || isSlow;
  } finally {
    await store?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '40' },
    store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
    check: { type: 'boolean' },
  },
});
let missed = false;
for (const name of values.store) {
  missed = (await run(name, Number(values.messages), Number(values.rounds))) || missed;
}
console.log(
  `targets: ${TARGETS.user} ms within a user, ${TARGETS.namespace} ms over the namespace: ${missed ? 'missed' : 'met'}`,
);
if (values.check && missed) process.exitCode = 1;
