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
const SESSION = 'trip-to-lisbon';

const brief = ({ session: { session_id, metadata, updated_at } }) => ({
  session_id,
  metadata,
  updated_at,
});

/**
 * The demo, in order. A step either calls a tool or does something else to the server:
 *
 * - `tool`, `args`: the call
 * - `fails`: the code of the error that it has to answer with; left out, it has to succeed
 * - `does`, `act(server)`: instead of a call, what is done, in words and in code; resolves with the
 *   answer to show
 * - `show(answer)`: the part of the answer that matters, as text or as JSON
 * - `holds`: what is true then, in words; `check(answer, earlier)` throws if it is not. `earlier`
 *   has the answers of the steps before by their `as`.
 */
const STEPS = [
  {
    title: 'Add a session',
    tool: 'add_session',
    args: { session_id: SESSION, metadata: { topic: 'travel', nights: 3 } },
    show: ({ session }) => session,
    holds: 'the session is there, with its metadata',
    check({ session }) {
      assert.equal(session.session_id, SESSION);
      assert.deepEqual(session.metadata, { topic: 'travel', nights: 3 });
    },
  },
  {
    title: 'Merge something into its metadata',
    tool: 'update_session_metadata',
    args: { session_id: SESSION, metadata: { nights: null, hotel: { booked: true } } },
    show: ({ session }) => ({ metadata: session.metadata }),
    holds: 'topic stayed, nights was removed by null, hotel was added',
    check({ session }) {
      assert.deepEqual(session.metadata, { topic: 'travel', hotel: { booked: true } });
    },
    as: 'merged',
  },
  {
    title: 'List the sessions',
    tool: 'list_sessions',
    args: { include_total: true },
    show: ({ sessions, total_count }) => ({
      sessions: sessions.map(({ session_id }) => session_id),
      total_count,
    }),
    holds: 'it is listed',
    check({ sessions, total_count }) {
      assert.deepEqual(
        sessions.map(({ session_id }) => session_id),
        [SESSION],
      );
      assert.equal(total_count, 1);
    },
  },
  {
    title: 'Delete the session',
    tool: 'delete_session',
    args: { session_id: SESSION },
    show: ({ session, deleted_message_count, purge_at }) => ({
      deleted_at: session.deleted_at,
      deleted_message_count,
      purge_at,
    }),
    holds: 'it is deleted, and is purged only later',
    check({ session, purge_at }) {
      assert.ok(purge_at > session.deleted_at);
    },
  },
  {
    title: 'Ask for it all the same',
    tool: 'get_session',
    args: { session_id: SESSION },
    fails: 'NOT_FOUND',
    show: ({ error }) => `${error.code}: ${error.message}`,
    holds: 'it is not found, and the answer says how to get it back',
    check({ error }) {
      assert.match(error.message, /restore_session/);
    },
  },
  {
    title: 'Restore it',
    tool: 'restore_session',
    args: { session_id: SESSION },
    show: brief,
    holds: 'it is back as it was before the deletion',
    check({ session }, { merged }) {
      assert.deepEqual(session, merged.session);
    },
    as: 'restored',
  },
  {
    title: 'Kill the server at once, and start it again',
    does: 'kill -9, then a new process on the same file',
    async act(server) {
      const killed = await server.kill();
      await server.start();
      return { killed, started: server.pid };
    },
    show: ({ killed, started }) => `process ${killed} is gone, process ${started} answers`,
    holds: 'another process serves',
    check({ killed, started }) {
      assert.notEqual(started, killed);
    },
  },
  {
    title: 'Ask the new process for the session',
    tool: 'get_session',
    args: { session_id: SESSION },
    show: brief,
    holds: 'nothing that was acknowledged is lost',
    check({ session }, { restored }) {
      assert.deepEqual(session, restored.session);
    },
  },
];

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

  async call(tool, args) {
    const { isError, structuredContent, content } = await this.#client.callTool({
      name: tool,
      arguments: args,
    });
    assert.ok(structuredContent, `no structured answer: ${JSON.stringify(content)}`);
    return { failed: isError === true, answer: structuredContent };
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

const print = (label, text) => console.log(`   ${dim(label.padEnd(8))}${text}`);

async function take(step, server, earlier) {
  print('call', step.does ?? `${bold(step.tool)} ${JSON.stringify(step.args)}`);
  const { failed, answer } = step.act
    ? { failed: false, answer: await step.act(server) }
    : await server.call(step.tool, step.args);
  if (failed !== (step.fails !== undefined)) {
    assert.fail(`answered ${JSON.stringify(answer)}, expected ${step.fails ?? 'success'}`);
  }
  if (failed) assert.equal(answer.error.code, step.fails);
  const shown = step.show(answer);
  print('answer', typeof shown === 'string' ? shown : JSON.stringify(shown));
  step.check(answer, earlier);
  print('holds', green(step.holds));
  if (step.as) earlier[step.as] = answer;
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-sessions-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

  const server = new Server({ SESSIONS_DB: join(folder, 'sessions.db') });
  const earlier = {};
  console.log(`${bold('mcp-sessions')} over stdio, embedded store in ${folder}\n`);
  let number = 0;
  try {
    await server.start();
    for (const step of STEPS) {
      console.log(bold(`${++number}. ${step.title}`));
      await take(step, server, earlier);
      console.log();
    }
    console.log(green(`All ${STEPS.length} steps hold.`));
  } catch (error) {
    console.log(red(`   FAILED  ${error.message}`));
    const what = number === 0 ? 'The server did not start.' : `Step ${number} does not hold.`;
    console.log(red(`\n${what}`));
    process.exitCode = 1;
  } finally {
    await server.stop();
  }
}

await main();
