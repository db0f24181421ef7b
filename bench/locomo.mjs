// Conversations with questions and the turns that answer them, in the format of LoCoMo (Maharana et al.,
// 2024), and how they are put into a server.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { startMongodb } from './support.mjs';

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));

/** One message of a session follows the other, in milliseconds. */
const TURN_MS = 30_000;

/** Category 5 asks for what was never said. */
const CATEGORIES = [1, 2, 3, 4];

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

export async function call(client, name, args) {
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

/** The conversations of a folder, by the names of their files. */
export async function readConversations(folder) {
  if (folder === undefined) throw new Error('Name the folder that has the conversations.');
  const conversations = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.json')).sort()) {
    const text = await readFile(join(folder, file), 'utf8');
    conversations.push([file.replace(/\.json$/, ''), parse(text)]);
  }
  if (conversations.length === 0) throw new Error(`There are no JSON files in ${folder}.`);
  return conversations;
}

/** A client of a new server over stdio. */
async function connect(env) {
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [MAIN], env }));
  return client;
}

/**
 * Asks a server the questions of conversations.
 *
 * @param env of the server
 * @param ask asks the questions of one conversation, once it is loaded, and returns the results; its arguments
 *   are the client, the user and the conversation
 * @returns the results of all
 */
export async function askAll(env, speakers, conversations, ask) {
  const client = await connect(env);
  const results = [];
  try {
    for (const [name, conversation] of conversations) {
      await load(client, name, conversation, speakers);
      results.push(...(await ask(client, name, conversation)));
    }
  } finally {
    await client.close();
  }
  return results;
}

/** The options of a command that measures the two stores. */
export const parseCommand = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      store: { type: 'string', multiple: true, default: ['embedded', 'mongodb'] },
      speakers: { type: 'string', multiple: true, default: ['names', 'roles'] },
      check: { type: 'boolean' },
    },
  });

/** The mean of some numbers. */
export const mean = (values) => values.reduce((sum, one) => sum + one, 0) / values.length;

/** Measures on a new store. `undefined` if there is no server for it. */
export async function onStore(store, run) {
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
