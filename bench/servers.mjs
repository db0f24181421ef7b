// Starts the servers that are measured, each a process of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 30_000;

/** How long a server has to end by itself before it is killed, in milliseconds. */
const STOP_LIMIT_MS = 5000;

export const OURS = fileURLToPath(new URL('../dist/main.js', import.meta.url));
export const beside = (path) => fileURLToPath(new URL(path, import.meta.url));

let started = 0;
const running = new Set();

/**
 * The environment of a measured server: nothing of what the caller has set for a server of theirs
 * but for where programs are.
 *
 * @param place `{ file }` or `{ uri }`, the store
 */
export function serverEnv(place) {
  const { PATH, HOME, TMPDIR } = process.env;
  const { file, uri, database } = place;
  const named = database === undefined ? {} : { MONGODB_DATABASE: database };
  const store = file === undefined ? { MONGODB_URI: uri, ...named } : { SESSIONS_DB: file };
  // One credential makes all the calls here, more of them than one has a share of.
  return { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...store, CALLS_PER_SECOND: '1000000' };
}

/**
 * Starts a server that speaks over its stdin and stdout. What it logs goes to a file in `folder`.
 *
 * @returns the process, and what ends it and waits for that
 */
export async function spawnServer(folder, script, args, env) {
  started += 1;
  const logFile = join(folder, `server-${started}.log`);
  const log = await open(logFile, 'w');
  const child = spawn(process.execPath, [script, ...args], {
    env,
    stdio: ['pipe', 'pipe', log.fd],
  });
  await log.close();
  child.stdin.on('error', () => {}); // the server died: whoever waits for an answer hears of it
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit').finally(() => process.off('exit', kill));
  const stop = async () => {
    child.stdin.end();
    child.kill();
    const late = setTimeout(kill, STOP_LIMIT_MS);
    await exited;
    clearTimeout(late);
    running.delete(stop);
  };
  running.add(stop);
  return { child, logFile, stop };
}

/** Ends the servers that a section which failed has left behind. */
export async function stopServers() {
  await Promise.all([...running].map((stop) => stop()));
}

/** The same over HTTP: `url` is where it says on stderr that it listens. */
export async function spawnHttpServer(folder, script, args, env) {
  const server = await spawnServer(folder, script, args, env);
  const deadline = Date.now() + START_LIMIT_MS;
  for (;;) {
    const log = await readFile(server.logFile, 'utf8');
    const origin = /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0];
    if (origin !== undefined) return { ...server, url: new URL('/mcp', origin) };
    if (server.child.exitCode !== null || Date.now() > deadline) {
      await server.stop();
      throw new Error(`${script} did not start: ${log.slice(-1000)}`);
    }
    await delay(20);
  }
}
