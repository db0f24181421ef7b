import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { McpClient } from '../support/clients.ts';
import { post, send } from '../support/raw-http.ts';
import { type ServerProcess, Servers } from '../support/server-process.ts';

const ATTACKER = fileURLToPath(new URL('../support/attacker.mjs', import.meta.url));
const MEASURE_MS = 4000;

/** How many times as long as before a call may take during an attack, on a machine that does both. */
const SLOWER_AT_MOST = 5;

describe('a server that is attacked', () => {
  let servers: Servers;
  let server: ServerProcess & { url: string; opsUrl: string };
  let client: McpClient;
  let usual: number;

  beforeAll(async () => {
    servers = await Servers.open();
    server = await servers.spawnObserved({
      env: { LOG_LEVEL: 'warn' },
    });
    client = await servers.connect('v2', { http: new URL('/mcp', server.url) });
    await client.callTool('add_session', { session_id: 'x' });
    await measure();
    usual = await measure();
  });
  afterAll(() => servers?.close());

  /** The median time of a call in milliseconds, over a kept connection and over new ones; all succeed. */
  async function measure(): Promise<number> {
    const times: number[] = [];
    const until = performance.now() + MEASURE_MS;
    while (performance.now() < until) {
      const started = performance.now();
      const kept = await client.callTool('get_session', { session_id: 'x' });
      const fresh = await post(server.url, 'get_session', { session_id: 'x' });
      times.push(performance.now() - started);
      expect([kept.isError, fresh.status]).toEqual([false, 200]);
      await delay(5);
    }
    times.sort((a, b) => a - b);
    return times[times.length >> 1] as number;
  }

  it.each(['silent', 'slow-heads', 'slow-bodies', 'oversized', 'malformed'])(
    'by connections that are %s serves others at their usual speed',
    async (kind) => {
      const attacker = spawn(process.execPath, [ATTACKER, server.url, kind], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(attacker.stdout, 'data');
        let during = await measure();
        // Something else that the machine did for some seconds is over by now; an attack is not.
        if (during / usual >= SLOWER_AT_MOST) during = await measure();
        expect(attacker.exitCode, 'the attack went on').toBeNull();
        expect(during / usual).toBeLessThan(SLOWER_AT_MOST);
      } finally {
        attacker.kill('SIGKILL');
        await once(attacker, 'exit');
      }
      const metrics = async () => (await send(`${server.opsUrl}/metrics`)).body;
      await expect.poll(metrics, { timeout: 20_000 }).toContain('mcp_sessions_body_bytes 0\n');
      const [, rss] = /^process_resident_memory_bytes (\d+)/m.exec(await metrics()) ?? [];
      expect(Number(rss)).toBeLessThan(1024 ** 3);
      const logged = server
        .stderr()
        .split('\n')
        .filter((line) => line.startsWith('{'));
      expect(logged.slice(0, 3), `${logged.length} lines`).toEqual([]);
    },
  );
});
