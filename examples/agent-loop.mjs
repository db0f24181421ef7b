// An agent that remembers: it resumes a conversation over MCP and stores every turn of it.
//
//   npm run build
//   node examples/agent-loop.mjs SESSION_ID
//
// Type a line, read the answer, end with Ctrl-D. Start it again with the same SESSION_ID: the
// conversation continues. Replace `reply` and `summarize` with calls of your model.
//
// This is JavaScript with JSDoc types, not a .ts file: Node 20 runs no TypeScript, and an example that
// needs a build step of its own is harder to copy. `// @ts-check` gives an editor the same checks.
// @ts-check

import { randomUUID } from 'node:crypto';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

/**
 * @typedef {{ seq: number, role: string, content: string }} Message
 * @typedef {{ summary?: { content: string, up_to_seq: number }, messages: Message[] }} Memory
 */

/**
 * The model. This stand-in works offline; call yours here, with examples/system-prompt.md as its system
 * prompt, the summary and messages as its context, and `text` as the new user message.
 *
 * @param {Memory} memory what the server remembers of the conversation
 * @param {string} text what the user has just said
 * @returns {Promise<string>} the answer
 */
async function reply({ summary, messages }, text) {
  const earlier = messages.filter(({ role }) => role === 'user').at(-1);
  const known =
    summary === undefined ? '' : ` I have a summary up to message ${summary.up_to_seq}.`;
  const before =
    earlier === undefined ? 'We start.' : `Before that, you said "${earlier.content}".`;
  return `You say "${text}". ${before}${known}`;
}

/**
 * The model again, for a summary of the whole conversation: the previous summary and what came after it.
 *
 * @param {Memory} memory
 * @returns {Promise<string>} at most 16 KiB
 */
async function summarize({ summary, messages }) {
  const said = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  return [summary?.content, ...said].filter(Boolean).join('; ').slice(-4000);
}

/** How often a call is repeated that failed with an error that is safe to retry. */
const MAX_ATTEMPTS = 5;

/**
 * Calls a tool. Repeats the call while its error is retryable, such as UNAVAILABLE.
 *
 * @param {Client} client
 * @param {string} name
 * @param {Record<string, unknown>} args
 * @returns {Promise<any>} the structured content
 * @throws {Error} with the `code` of the tool error
 */
async function call(client, name, args) {
  for (let attempt = 1; ; attempt++) {
    const { isError, structuredContent } = await client.callTool({ name, arguments: args });
    const content = /** @type {any} */ (structuredContent);
    if (!isError) return content;
    const { code, message, retryable } = content.error;
    if (!retryable || attempt === MAX_ATTEMPTS) throw Object.assign(new Error(message), { code });
    await delay(1000 * attempt);
  }
}

/**
 * Reads the memory of a session. A session that does not exist has none; the first turn creates it.
 *
 * @param {Client} client
 * @param {string} session_id
 * @returns {Promise<Memory>}
 */
async function remember(client, session_id) {
  try {
    return await call(client, 'get_memory', { session_id });
  } catch (error) {
    if (/** @type {any} */ (error).code === 'NOT_FOUND') return { messages: [] };
    throw error;
  }
}

/**
 * One turn: read the memory, ask the model, store what both sides said.
 *
 * @param {Client} client
 * @param {string} session_id
 * @param {string} text
 */
async function turn(client, session_id, text) {
  const answer = await reply(await remember(client, session_id), text);
  // Uuids of our own: if the call is repeated, no message is stored twice.
  const stored = await call(client, 'add_memory', {
    session_id,
    messages: [
      { role: 'user', content: text, uuid: randomUUID() },
      { role: 'assistant', content: answer, uuid: randomUUID() },
    ],
  });
  // The server advises a summary when more than 24 messages are in none. It has no model of its own.
  if (stored.advice !== undefined) await storeSummary(client, session_id);
  return answer;
}

/**
 * Reads all that is not summarized, a page at a time, and stores a summary of the whole session.
 *
 * @param {Client} client
 * @param {string} session_id
 */
async function storeSummary(client, session_id) {
  const { summary } = await remember(client, session_id);
  const from_seq = (summary?.up_to_seq ?? 0) + 1;
  /** @type {Message[]} */
  const messages = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    const page = await call(client, 'list_messages', { session_id, from_seq, cursor });
    messages.push(...page.messages);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  const content = await summarize({ ...(summary && { summary }), messages });
  await call(client, 'set_summary', { session_id, content, up_to_seq: messages.at(-1)?.seq });
}

const [session_id] = process.argv.slice(2);
if (session_id === undefined) {
  process.stderr.write('Usage: node examples/agent-loop.mjs SESSION_ID\n');
  process.exit(2);
}
const client = new Client({ name: 'agent-loop', version: '0' });
const server = fileURLToPath(new URL('../dist/main.js', import.meta.url));
// The server sees the environment of this process, such as SESSIONS_DB or MONGODB_URI.
const env = /** @type {Record<string, string>} */ ({ ...process.env });
await client.connect(
  new StdioClientTransport({ command: process.execPath, args: [server], env, stderr: 'inherit' }),
);
try {
  const { messages } = await remember(client, session_id);
  const state = messages.length === 0 ? 'A new conversation' : 'The conversation continues';
  process.stdout.write(`${state}: ${session_id}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== '') process.stdout.write(`${await turn(client, session_id, line)}\n`);
  }
} finally {
  await client.close();
}
