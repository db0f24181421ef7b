// Measures whether a search finds what answers a question: conversations with questions and the
// turns that answer them, in the format of LoCoMo (Maharana et al., 2024), are loaded through
// add_memory and asked through search_memory, of a real server on each store.
//
//   npm run build && node bench/search-quality.mjs FOLDER [--store embedded|mongodb]... [--check]
//
// FOLDER holds the conversations as JSON files. Prints the recall of the evidence at 5, 10 and 20
// hits: of each question, how much of its evidence is among them, and the mean of that. With --check
// it fails below the targets.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { startMongodb } from './support.mjs';

const DEPTHS = [5, 10, 20];

/** Recall at ten on the embedded store, and how far MongoDB may stay behind. */
const TARGET = 0.75;
const GAP_TARGET = 0.02;

/** Category 5 asks for what was never said. */
const CATEGORIES = [1, 2, 3, 4];

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** A conversation: its sessions in order, and its questions with the turns that answer them. */
function parse(text) {
  const raw = JSON.parse(text);
  const source = raw.conversation ?? raw;
  const sessions = Object.keys(source)
    .filter((key) => /^session_\d+$/.test(key) && Array.isArray(source[key]))
    .map((key) => ({ name: key, turns: source[key] }));
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
  return { sessions, questions };
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
  return result.structuredContent;
}

async function load(client, user_id, { sessions }) {
  await call(client, 'add_user', { user_id });
  for (const { name, turns } of sessions) {
    const session_id = `${user_id}/${name}`;
    await call(client, 'add_session', { session_id, user_id });
    const messages = turns.map(({ speaker, text, dia_id }) => ({
      role: speaker,
      content: text,
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

async function measure(store, conversations, env) {
  const client = new Client({ name: 'search-quality', version: '1' });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [MAIN],
    env: { ...process.env, ...env },
  });
  await client.connect(transport);
  const recalls = [];
  try {
    for (const [name, conversation] of conversations) {
      await load(client, name, conversation);
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
  console.log(`${store.padEnd(10)} mean over ${recalls.length} questions   ${row(mean)}`);
  console.log(`${''.padEnd(10)} of all ${turns} turns together    ${row(pooled)}`);
  return mean[DEPTHS.indexOf(10)];
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { store: { type: 'string', multiple: true }, check: { type: 'boolean' } },
  });
  const [folder] = positionals;
  if (folder === undefined) throw new Error('Name the folder that has the conversations.');
  const stores = values.store ?? ['embedded', 'mongodb'];
  const conversations = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()) {
    const text = await readFile(join(folder, file), 'utf8');
    conversations.push([file.replace(/\.json$/, ''), parse(text)]);
  }
  if (conversations.length === 0) throw new Error(`There are no JSON files in ${folder}.`);

  console.log(`recall at ${DEPTHS.join(', ')}; ${conversations.length} conversations`);
  const atTen = {};
  for (const store of stores) {
    const place = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    try {
      if (store === 'mongodb') server = await startMongodb(place, false);
      if (store === 'mongodb' && server === undefined) {
        console.log('mongodb    left out: there is neither mongod nor secantusd-rs on the PATH');
        continue;
      }
      const env =
        server === undefined
          ? { SESSIONS_DB: join(place, 'sessions.db'), MONGODB_URI: '' }
          : { MONGODB_URI: server.place.uri };
      atTen[store] = await measure(store, conversations, env);
    } finally {
      await server?.stop();
      await rm(place, { recursive: true, force: true });
    }
  }
  const missed =
    (atTen.embedded !== undefined && atTen.embedded < TARGET) ||
    (atTen.mongodb !== undefined && atTen.mongodb < (atTen.embedded ?? TARGET) - GAP_TARGET);
  console.log(
    `target: ${TARGET} at ten on the embedded store, MongoDB at most ${GAP_TARGET} less: ${missed ? 'missed' : 'met'}`,
  );
  if (values.check && missed) process.exitCode = 1;
}

await main();
