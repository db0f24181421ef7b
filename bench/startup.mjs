// Measures how long a host waits for this server: from spawn to the answer to `initialize`, over
// stdio. It is compared with a bare SDK server in alternating pairs, so that whatever else the
// machine does falls on both alike.
//
//   npm run build && npm run bench:startup [-- --pairs 25]

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Ours may take this many times as long as the bare server. */
const TARGET = 2.5;
const WARM_UP_PAIRS = 3;
const MIN_PAIRS = 15;
const TIMEOUT_MS = 30_000;

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '0' },
  },
};

const fileBeside = (path) => fileURLToPath(new URL(path, import.meta.url));
const BARE = fileBeside('bare-server.mjs');
const OURS = fileBeside('../dist/main.js');

/** Starts a server and returns the milliseconds until its answer to `initialize`. */
async function timeToAnswer(script, env) {
  const started = performance.now();
  const child = spawn(process.execPath, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  child.stdin.on('error', () => {}); // the server died: what follows says so
  child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
  try {
    const answer = await firstLine(child.stdout);
    const elapsed = performance.now() - started;
    const { id, result } = JSON.parse(answer);
    if (id !== INITIALIZE.id || result?.serverInfo === undefined) {
      throw new Error(`${script} did not answer initialize: ${answer.slice(0, 200)}`);
    }
    return elapsed;
  } finally {
    child.kill('SIGKILL');
    await exited;
    clearTimeout(timer);
  }
}

async function firstLine(stream) {
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += chunk;
    const end = text.indexOf('\n');
    if (end !== -1) return text.slice(0, end);
  }
  throw new Error('The server ended without an answer.');
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

async function main() {
  const { values } = parseArgs({ options: { pairs: { type: 'string', default: '25' } } });
  const pairs = Number(values.pairs);
  if (!Number.isInteger(pairs) || pairs < MIN_PAIRS) {
    throw new Error(`--pairs is ${values.pairs}; allowed is a whole number from ${MIN_PAIRS}.`);
  }
  await access(OURS).catch(() => {
    throw new Error('dist/main.js is missing. Run npm run build first.');
  });

  const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  // Only the embedded store, whatever the caller has set for a server of theirs.
  const { MONGODB_URI: _, ...rest } = process.env;
  const env = { ...rest, SESSIONS_DB: join(folder, 'sessions.db'), LOG_LEVEL: 'error' };
  const bare = [];
  const ours = [];
  try {
    for (let pair = -WARM_UP_PAIRS; pair < pairs; pair++) {
      const a = await timeToAnswer(BARE, env);
      const b = await timeToAnswer(OURS, env);
      if (pair < 0) continue;
      bare.push(a);
      ours.push(b);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }

  const ratios = ours.map((time, pair) => time / bare[pair]);
  const typical = median(ratios);
  const ms = (value) => `${value.toFixed(0)} ms`;
  const times = (value) => value.toFixed(2);
  console.log(`From spawn to the answer to initialize, over stdio.
Node ${process.versions.node}, ${cpus().length} cores, ${pairs} pairs after ${WARM_UP_PAIRS} to warm up.

  bare SDK server   median ${ms(median(bare))}
  mcp-sessions      median ${ms(median(ours))}
  ratio by pair     min ${times(Math.min(...ratios))}, median ${times(typical)}, max ${times(Math.max(...ratios))}

Target: a median ratio of at most ${TARGET}. ${typical <= TARGET ? 'Met.' : 'MISSED.'}`);
  if (typical > TARGET) process.exitCode = 1;
}

await main().catch((error) => {
  console.error(`bench:startup: ${error.message}`);
  process.exitCode = 1;
});
