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
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { startMongodb } from './support.mjs';

const DEPTHS = [5, 10, 20];

/** Recall at ten on the embedded store, and how far MongoDB may stay behind. */
const TARGETS = { names: 0.81, roles: 0.77, embeddings: 0.83 };
const GAP_TARGET = 0.005;

/** One message of a session follows the other, in milliseconds. */
const TURN_MS = 30_000;

/** Category 5 asks for what was never said. */
const CATEGORIES = [1, 2, 3, 4];

const EMBEDDED = process.env.EMBEDDINGS_URL !== undefined;

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A conversation: its sessions in order, and its questions with the turns that answer them. */
function parse(text) {
  const raw = JSON.parse(text);
  const source = raw.conversation ?? raw;
  const sessions = Object.keys(source)
    .filter((key) => /^session_\d+$/.test(key) && Array.isArray(source[key]))
    .map((key) => ({
      name: key,
      turns: source[key],
      startedAt: timeOf(source[`${key}_date_time`]),
    }));
  const said = new Set(sessions.flatMap(({ turns }) => turns.map((turn) => turn.dia_id)));
  const questions = raw.qa
    .filter(({ category }) => CATEGORIES.includes(category))
    .map(({ question, evidence }) => ({
      question,
      evidence: [...new Set(evidence.flatMap((text) => text.match(/D\d+:\d+/g) ?? []))].filter(
        (id) => said.has(id),
      ),
    }))
    .filter(({ evidence }) => evidence.length > 0);
  return { sessions, questions, user: source.speaker_a };
}

/** Milliseconds since 1970 of a time like `1:56 pm on 8 May, 2023`. `undefined` without one. */
function timeOf(text) {
  if (text === undefined) return undefined;
  const [clock, date] = text.split(' on ');
  return Date.parse(`${date.replace(',', '')} ${clock} UTC`);
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
  return result.structuredContent;
}

async function load(client, user_id, { sessions, user }, speakers) {
  await call(client, 'add_user', { user_id });
  const roleOf = (speaker) => (speaker === user ? 'user' : 'assistant');
  for (const { name, turns, startedAt } of sessions) {
    const session_id = `${user_id}/${name}`;
    await call(client, 'add_session', { session_id, user_id });
    const messages = turns.map(({ speaker, text, dia_id }, i) => ({
      role: speakers === 'roles' ? roleOf(speaker) : speaker,
      content: text,
      ...(startedAt !== undefined && {
        created_at: new Date(startedAt + i * TURN_MS).toISOString(),
      }),
      metadata: { dia_id },
    }));
    await call(client, 'add_memory', { session_id, messages });
  }
}

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
  const client = new Client({ name: 'search-quality', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN],
    env,
  });
  await client.connect(transport);
  const recalls = [];
  try {
    for (const [name, conversation] of conversations) {
      await load(client, name, conversation, speakers);
      if (EMBEDDED) await promisify(execFile)(process.execPath, [MAIN, 'embed'], { env });
      recalls.push(...(await ask(client, name, conversation)));
    }
  } finally {
    await client.close();
  }
  const mean = DEPTHS.map(
    (_, i) =>
      recalls.reduce((sum, { evidence, found }) => sum + found[i] / evidence, 0) / recalls.length,
  );
  const turns = recalls.reduce((sum, { evidence }) => sum + evidence, 0);
  const pooled = DEPTHS.map(
    (_, i) => recalls.reduce((sum, { found }) => sum + found[i], 0) / turns,
  );
  const row = (values) => values.map((value) => value.toFixed(3)).join('   ');
  console.log(
    `${store.padEnd(10)} ${speakers} mean over ${recalls.length} questions   ${row(mean)}`,
  );
  console.log(`${''.padEnd(16)} of all ${turns} turns together    ${row(pooled)}`);
  return mean[DEPTHS.indexOf(10)];
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
      speakers: { type: 'string', multiple: true, default: ['names', 'roles'] },
      check: { type: 'boolean' },
    },
  });
  const [folder] = positionals;
  if (folder === undefined) throw new Error('Name the folder that has the conversations.');
  const conversations = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()) {
    const text = await readFile(join(folder, file), 'utf8');
    conversations.push([file.replace(/\.json$/, ''), parse(text)]);
  }
  if (conversations.length === 0) throw new Error(`There are no JSON files in ${folder}.`);

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

/** Measures on a new store. `undefined` if there is no server for it. */
async function onStore(store, run) {
  const place = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  let server;
  try {
    if (store === 'mongodb') server = await startMongodb(place, false);
    if (store === 'mongodb' && server === undefined) {
      console.log('mongodb    left out: there is neither mongod nor secantusd-rs on the PATH');
      return undefined;
    }
    const uri = server?.place.uri ?? '';
    return await run({ ...process.env, SESSIONS_DB: join(place, 'sessions.db'), MONGODB_URI: uri });
  } finally {
    await server?.stop();
    await rm(place, { recursive: true, force: true });
  }
}

await main();
