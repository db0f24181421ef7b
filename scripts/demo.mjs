// Shows the server at work: a real client drives it over stdio, step by step, in a temporary
// folder. Every step checks what it shows; the first that does not hold ends the demo with exit
// code 1.
//
//   npm run demo

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const SERVER = fileURLToPath(new URL('../dist/main.js', import.meta.url));

const user_id = 'ada';
const session_id = 'trip-to-lisbon';

/** What a caller names with a UUID of its own may be sent again. */
const uuid = '0b9f6a52-6f7c-4b7e-9d0e-6d1f3a5f2c11';
const conversation = [
  { role: 'user', content: 'Three nights in Lisbon in May, please.' },
  { role: 'assistant', content: 'Hotel Alfama has a room from the 5th. Shall I book it?' },
  { role: 'user', content: 'Yes. And a window seat.', uuid },
];
const summary = 'Ada spends three nights in Lisbon in May, at Hotel Alfama from the 5th.';

async function story() {
  title('Add a user');
  const { user } = await call('add_user', { user_id, first_name: 'Ada' });
  holds('the user is there', user.first_name, 'Ada');

  title('Start a session of theirs');
  const metadata = { topic: 'travel', nights: 3 };
  const { session } = await call('add_session', { session_id, user_id, metadata });
  holds(
    'it belongs to the user, and is empty',
    [session.user_id, session.message_count],
    ['ada', 0],
  );

  title('Remember a conversation');
  const added = await call('add_memory', { session_id, messages: conversation });
  holds(
    'its messages are in order',
    added.messages.map(({ seq }) => seq),
    [1, 2, 3],
  );

  title('Send the last message once more, as after a time-out');
  const retry = { session_id, messages: conversation.slice(-1) };
  const again = await call('add_memory', retry, ({ messages }) => messages);
  holds('its uuid was known: nothing was added', again.session.message_count, 3);
  holds('it is where it was', again.messages, [{ uuid, seq: 3, status: 'updated' }]);

  title("Merge something into the session's metadata");
  const patch = { session_id, metadata: { nights: null, hotel: { booked: true } } };
  const merged = await call('update_session_metadata', patch, (answer) => answer.session.metadata);
  holds('topic stayed, null removed nights, hotel was added', merged.session.metadata, {
    topic: 'travel',
    hotel: { booked: true },
  });

  title('List the sessions of the user');
  const { sessions } = await call('list_sessions', { user_id }, listed);
  holds('it is listed as it is', sessions, [merged.session]);

  title('Kill the server at once, and start another');
  const killed = await server.kill();
  await server.start();
  print('done', `kill -9 ${killed}; process ${server.pid} opened the same file`);
  holds('another process serves', server.pid === killed, false);

  title('Ask it for the conversation');
  const resumed = await call('get_memory', { session_id }, ({ messages }) => said(messages));
  holds('nothing that was acknowledged is lost', said(resumed.messages), [
    '1 user: Three nights in Lisbon in May, please.',
    '2 assistant: Hotel Alfama has a room from the 5th. Shall I book it?',
    '3 user: Yes. And a window seat.',
  ]);

  title('Have it written as a prompt, to resume with');
  const prompt = await server.prompt('resume_session', { session_id });
  print('prompt', `resume_session ${JSON.stringify({ session_id })}`);
  print('answer', `${prompt.split('\n')[0].slice(0, 76)}…`);
  holds('it has the conversation', prompt.includes(conversation[2].content), true);

  title('Go on with it');
  const booked = [{ role: 'assistant', content: 'Both are booked.' }];
  const went = await call('add_memory', { session_id, messages: booked });
  holds('the order goes on where it was', went.messages[0].seq, 4);

  title('Summarize its beginning; the agent is the model that writes this');
  await call('set_summary', { session_id, content: summary, up_to_seq: 2 });
  const memory = await call('get_memory', { session_id, last_n: 1 }, remembered);
  holds('the summary comes first', memory.summary.content, summary);
  holds(
    'and the messages after it',
    memory.messages.map(({ seq }) => seq),
    [3, 4],
  );

  title('Find what was said about seats, in whatever session it was');
  const query = 'Which seats did they want?';
  const { hits } = await call('search_memory', { query, user_id, limit: 1 }, found);
  holds('the answer comes first', hits[0].message.content, conversation[2].content);

  title('Delete the session');
  const gone = await call('delete_session', { session_id }, deletion);
  holds('its messages went with it', gone.deleted_message_count, 4);
  const lost = await refused('get_memory', { session_id });
  holds('it is not found; the answer names the way back', lost.message, /restore_session/);

  title('Restore it');
  await call('restore_session', { session_id }, ({ session }) => listed({ sessions: [session] }));
  const back = await call('get_memory', { session_id, last_n: 1 }, remembered);
  holds('it is as it was, summary and all', back, memory);

  title('Delete the user');
  const left = await call('delete_user', { user_id }, deletion);
  holds('the session went too', left.deleted_session_count, 1);
  const theirs = await refused('get_session', { session_id });
  holds('it is not found; the answer names the way back', theirs.message, /restore_user/);

  title('Restore the user');
  const restored = await call('restore_user', { user_id });
  holds('the user is as before', restored.user, user);
  const whole = await call('get_memory', { session_id, last_n: 1 }, remembered);
  holds('and so is the session, with its conversation', whole, memory);
}

// What a step shows of an answer, where not all of it.
const said = (messages) => messages.map(({ seq, role, content }) => `${seq} ${role}: ${content}`);
const found = ({ hits }) => hits.map(({ message }) => said([message])[0]);
const listed = ({ sessions }) =>
  sessions.map(({ session_id, user_id, metadata, message_count }) => ({
    session_id,
    user_id,
    metadata,
    message_count,
  }));
const remembered = ({ summary, messages, older_message_count }) => ({
  summary: summary?.content,
  messages: said(messages),
  older_message_count,
});
const deletion = ({ session, user, ...rest }) => rest;

/** The server as a child process, and the client that talks to it. */
class Server {
  #env;
  #client;
  pid;

  constructor(env) {
    this.#env = env;
  }

  async start() {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [SERVER],
      env: this.#env,
      stderr: 'inherit',
    });
    this.#client = new Client({ name: 'demo', version: '0' });
    await this.#client.connect(transport);
    this.pid = transport.pid;
  }

  async call(name, args) {
    const answer = await this.#client.callTool({ name, arguments: args });
    assert.ok(answer.structuredContent, `no structured answer: ${JSON.stringify(answer.content)}`);
    return answer.structuredContent;
  }

  async prompt(name, args) {
    const { messages } = await this.#client.getPrompt({ name, arguments: args });
    return messages[0].content.text;
  }

  /** `kill -9`: the process gets no chance to tidy up. Resolves when it is gone. */
  async kill() {
    const { pid } = this;
    const gone = new Promise((resolve) => {
      this.#client.onclose = resolve;
    });
    process.kill(pid, 'SIGKILL');
    await gone;
    return pid;
  }

  async stop() {
    await this.#client?.close();
  }
}

const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
const style = (code) => (text) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text);
const bold = style(1);
const dim = style(2);
const red = style(31);
const green = style(32);

let steps = 0;

/** Begins a step. */
function title(text) {
  console.log(`${steps === 0 ? '' : '\n'}${bold(`${++steps}. ${text}`)}`);
}

function print(label, text) {
  console.log(`   ${dim(label.padEnd(8))}${text}`);
}

/** Calls a tool; shows the call and the answer, or the part of it that `show` picks. */
async function call(tool, args, show = (answer) => answer) {
  const answer = await ask(tool, args);
  if (answer.error !== undefined) assert.fail(`${answer.error.code}: ${answer.error.message}`);
  print('answer', JSON.stringify(show(answer)));
  return answer;
}

/** Calls a tool that has to answer with an error; returns that. */
async function refused(tool, args) {
  const { error } = await ask(tool, args);
  assert.ok(error, `${tool} succeeded, and should not have`);
  print('answer', `${error.code}: ${error.message}`);
  return error;
}

function ask(tool, args) {
  print('call', `${bold(tool)} ${JSON.stringify(args)}`);
  return server.call(tool, args);
}

/** Checks what is true now, and says it in words. */
function holds(words, actual, expected) {
  if (expected instanceof RegExp) assert.match(String(actual), expected, words);
  else assert.deepEqual(actual, expected);
  print('holds', green(words));
}

const folder = mkdtempSync(join(tmpdir(), 'mcp-sessions-demo-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const server = new Server({ SESSIONS_DB: join(folder, 'sessions.db') });
console.log(`${bold('mcp-sessions')} over stdio, embedded store in ${folder}\n`);
try {
  await server.start();
  await story();
  console.log(green(`\nAll ${steps} steps hold.`));
} catch (error) {
  console.log(red(`   FAILED  ${error.message}`));
  console.log(
    red(`\n${steps === 0 ? 'The server did not start.' : `Step ${steps} does not hold.`}`),
  );
  process.exitCode = 1;
} finally {
  await server.stop();
}
