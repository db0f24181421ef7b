// Measures whether a search finds what answers a question: conversations with questions and the
// turns that answer them, in the format of LoCoMo (Maharana et al., 2024), are loaded through
// add_memory and asked through search_memory, of a real server on each store.
//
//   npm run build && node bench/search-quality.mjs FOLDER [--store embedded|mongodb]...
//                                                  [--speakers names|roles]... [--check]
//
// FOLDER holds the conversations as JSON files. Prints the recall of the evidence at 5, 10 and 20
// hits: of each question, how much of its evidence is among them, and the mean of that. With
// `--speakers roles`, the speakers are a user and an assistant instead of two names. With
// EMBEDDINGS_URL and EMBEDDINGS_MODEL set, every message is embedded before the questions are asked.
// With --check it fails below the targets.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { askAll, call, MAIN, mean, onStore, parseCommand, readConversations } from './locomo.mjs';

const DEPTHS = [5, 10, 20];

/** Recall at ten on the embedded store, and how far MongoDB may stay behind. */
const TARGETS = { names: 0.81, roles: 0.77, embeddings: 0.83 };
const GAP_TARGET = 0.005;

const EMBEDDED = process.env.EMBEDDINGS_URL !== undefined;

/** Of each question, how much of its evidence is among the first hits. */
async function ask(client, user_id, { questions }) {
  const recalls = [];
  for (const { question, evidence } of questions) {
    const limit = Math.max(...DEPTHS);
    const { hits } = await call(client, 'search_memory', { query: question, user_id, limit });
    const found = hits.map(({ message }) => message.metadata.dia_id);
    recalls.push({
      evidence: evidence.length,
      found: DEPTHS.map((n) => evidence.filter((id) => found.slice(0, n).includes(id)).length),
    });
  }
  return recalls;
}

async function measure(store, speakers, conversations, env) {
  const recalls = await askAll(env, speakers, conversations, async (...args) => {
    if (EMBEDDED) await promisify(execFile)(process.execPath, [MAIN, 'embed'], { env });
    return ask(...args);
  });
  const means = DEPTHS.map((_, i) =>
    mean(recalls.map(({ evidence, found }) => found[i] / evidence)),
  );
  const turns = recalls.reduce((sum, { evidence }) => sum + evidence, 0);
  const pooled = DEPTHS.map(
    (_, i) => recalls.reduce((sum, { found }) => sum + found[i], 0) / turns,
  );
  const row = (values) => values.map((value) => value.toFixed(3)).join('   ');
  console.log(
    `${store.padEnd(10)} ${speakers} mean over ${recalls.length} questions   ${row(means)}`,
  );
  console.log(`${''.padEnd(16)} of all ${turns} turns together    ${row(pooled)}`);
  return means[DEPTHS.indexOf(10)];
}

async function main() {
  const { values, positionals } = parseCommand();
  const conversations = await readConversations(positionals[0]);
  console.log(`recall at ${DEPTHS.join(', ')}; ${conversations.length} conversations`);
  let missed = false;
  for (const speakers of values.speakers) {
    const atTen = {};
    for (const store of values.store) {
      atTen[store] = await onStore(store, (env) => measure(store, speakers, conversations, env));
    }
    const target = TARGETS[EMBEDDED && speakers === 'names' ? 'embeddings' : speakers];
    const { embedded = target, mongodb = embedded } = atTen;
    const met = embedded >= target && mongodb >= embedded - GAP_TARGET;
    missed ||= !met;
    console.log(
      `target: ${target} at ten on the embedded store, MongoDB at most ${GAP_TARGET} less: ${met ? 'met' : 'missed'}`,
    );
  }
  if (values.check && missed) process.exitCode = 1;
}

await main();
