import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import type { McpClient } from '../support/clients.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';
import { grant } from '../support/tokens.ts';

const SEARCHER = fileURLToPath(new URL('../support/searcher.mjs', import.meta.url));
/** Alone and beside the searches take turns, so that what else the machine does slows both. */
const ROUNDS = 5;
const ROUND_MS = 2000;

/** How long searches that are under way take to end, or to begin again, in milliseconds. */
const SETTLE_MS = 1000;

const MESSAGES = 8000;

/** How many searches one credential has under way. */
const SEARCHES = 64;

/** Words that a fifth of the messages have, and 32 that all of them have. */
const FILLER = Array.from({ length: 32 }, (_, i) => `word${i}`);
const contentOf = (i: number) =>
  `common ${i % 5 === 0 ? 'shared' : 'other'} number${i} ${FILLER.join(' ')}`;

/** Half of the searches go over all that is there and find nothing, half rank as much as they can. */
const HEAVY = [
  { query: 'common shared', since: '2200-01-01T00:00:00Z' },
  { query: FILLER.join(' '), limit: 100, neighbours: 5 },
];

const REPLICA_SET = inject('mongodbReplicaSet');
const STORES: [name: string, env: (database: string) => Record<string, string> | undefined][] = [
  ['the embedded store', () => ({})],
  [
    'MongoDB',
    (database) =>
      REPLICA_SET === null
        ? undefined
        : { MONGODB_URI: REPLICA_SET, MONGODB_DATABASE: `fairness_${database}` },
  ],
];

const medianOf = (times: number[]) => times.toSorted((a, b) => a - b)[times.length >> 1] as number;

describe.each(STORES)('beside heavy searches of another credential, on %s', (_name, envOf) => {
  let servers: Servers;
  let server: ServerProcess & { url: string };
  let light: McpClient;
  let heavy: McpClient;
  let heavyToken: string;
  const settings = envOf(crypto.randomUUID().slice(0, 8));

  beforeEach(async () => {
    servers = await Servers.open();
    const file = join(servers.directory, 'tokens.json');
    const token = await grant(file, 'light');
    heavyToken = await grant(file, 'heavy');
    server = await servers.spawnHttp({ env: { ...settings, AUTH_TOKENS_FILE: file } });
    const http = new URL('/mcp', server.url);
    light = await servers.connect('v2', { http, token });
    heavy = await servers.connect('v2', { http, token: heavyToken });
    const said = (n: number) => ({ role: 'user', content: contentOf(n) });
    for (let i = 0; i < MESSAGES; i += 500) {
      const messages = Array.from({ length: 500 }, (_, j) => said(i + j));
      const added = await heavy.callTool('add_memory', { session_id: `s${i}`, messages });
      expect(added.isError, added.text).toBe(false);
    }
    const messages = Array.from({ length: 12 }, (_, i) => said(i));
    await light.callTool('add_memory', { session_id: 'light', messages });
    // What was added is indexed by now, and the code is warm.
    await measure();
  });
  afterEach(() => servers?.close());

  /** How long each `get_memory` takes, in milliseconds, one after the other. */
  async function measure(): Promise<number[]> {
    const times: number[] = [];
    const until = performance.now() + ROUND_MS;
    while (performance.now() < until) {
      const started = performance.now();
      const { isError, text } = await light.callTool('get_memory', { session_id: 'light' });
      times.push(performance.now() - started);
      expect(isError, text).toBe(false);
    }
    return times;
  }

  it.skipIf(settings === undefined)(
    `a get_memory takes at most five times as long as alone, and never 1.5 s${settings === undefined ? `: skipped, ${inject('mongodbSkipReason')}` : ''}`,
    async () => {
      const searcher = spawn(process.execPath, [SEARCHER, server.url, heavyToken, `${SEARCHES}`], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      try {
        searcher.stdin.end(HEAVY.map((args) => `${JSON.stringify(args)}\n`).join(''));
        await once(searcher.stdout, 'data');
        const alone: number[] = [];
        const beside: number[] = [];
        for (let i = 0; i < ROUNDS; i++) {
          searcher.kill('SIGCONT');
          await delay(SETTLE_MS);
          beside.push(...(await measure()));
          searcher.kill('SIGSTOP');
          await delay(SETTLE_MS);
          alone.push(...(await measure()));
        }
        expect(searcher.exitCode, 'the searches went on').toBeNull();
        expect(medianOf(beside) / medianOf(alone)).toBeLessThan(5);
        expect(Math.max(...beside)).toBeLessThan(1500);
      } finally {
        searcher.kill('SIGKILL');
        await once(searcher, 'exit');
      }
    },
  );
});
