import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MODERN_META } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const MEGABYTE = 1024 * 1024;

/** How much more memory a server may take for a client that does not read, on a machine with room. */
const GROWTH_MAX = 120 * MEGABYTE;

let servers: Servers;
beforeEach(async () => {
  servers = await Servers.open();
});
afterEach(() => servers.close());

/** A client that reads what comes back only when it is told to. */
class Deaf {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly exited: Promise<unknown>;
  answered = 0;
  updates = 0;
  #id = 0;
  #lines: ReturnType<typeof createInterface> | undefined;

  constructor(env: Record<string, string> = {}) {
    const stdio = ['pipe', 'pipe', 'ignore'] as ['pipe', 'pipe', 'ignore'];
    this.child = spawn(process.execPath, [MAIN], { env: servers.env(env), stdio }) as never;
    this.child.stdin.on('error', () => undefined);
    this.exited = once(this.child, 'exit');
  }

  get asked(): number {
    return this.#id;
  }

  listen(): void {
    this.#lines ??= createInterface({ input: this.child.stdout }).on('line', (line) => {
      if (line.startsWith('{"method"') || line.includes('"method":"notifications/')) this.updates++;
      else this.answered++;
    });
    this.#lines.resume();
    this.child.stdout.resume();
  }

  stopListening(): void {
    this.#lines?.pause();
    this.child.stdout.pause();
  }

  /** Sends a request, and says whether there was room for it in the pipe. */
  ask(method: string, params: object = {}): boolean {
    const id = ++this.#id;
    return this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  }

  call(name: string, args: object, meta?: object): boolean {
    return this.ask('tools/call', { name, arguments: args, ...(meta && { _meta: meta }) });
  }

  async answers(): Promise<void> {
    await expect.poll(() => this.answered, { timeout: 60_000 }).toBe(this.asked);
  }

  /** Sends until the server has read no more for two seconds, or `most` were sent. */
  async pump(most: number, send: () => boolean): Promise<void> {
    for (let i = 0; i < most; i++) {
      if (send()) continue;
      const taken = once(this.child.stdin, 'drain').then(() => true);
      if (!(await Promise.race([taken, delay(2000, false)]))) return;
    }
  }

  async rss(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }
}

const TEXT = 'x'.repeat(30_000);

describe.skipIf(process.platform !== 'linux')(
  'a client that stops reading (skipped: needs /proc)',
  () => {
    it.each([
      ['older', undefined],
      ['modern', MODERN_META],
    ])(
      'is read no further, and gets every answer when it reads on, in the %s era',
      async (_, meta) => {
        const client = new Deaf();
        client.listen();
        const messages = [{ role: 'user', content: TEXT }];
        client.call('add_memory', { session_id: 'long', messages }, meta);
        for (let i = 0; i < 100; i++) client.call('get_memory', { session_id: 'long' }, meta);
        await client.answers();
        client.stopListening();
        const before = await client.rss();
        const most = 100_000;
        await client.pump(most, () => client.call('get_memory', { session_id: 'long' }, meta));
        expect(client.asked, 'it was read no further').toBeLessThan(most);
        expect((await client.rss()) - before).toBeLessThan(GROWTH_MAX);
        client.listen();
        await client.answers();
        client.child.stdin.end();
        await client.exited;
        expect(client.child.exitCode).toBe(0);
      },
    );

    it('is told of what changed meanwhile, and not of every change before', async () => {
      const client = new Deaf();
      client.listen();
      client.ask('initialize', {
        protocolVersion: '2025-06-18',
        capabilities: {},
        clientInfo: { name: 'deaf', version: '1' },
      });
      client.call('add_session', { session_id: 'news' });
      for (const uri of ['session://news', 'session://news/messages']) {
        client.ask('resources/subscribe', { uri });
      }
      const messages = [{ role: 'user', content: 'x' }];
      for (let i = 0; i < 20; i++) client.call('add_memory', { session_id: 'news', messages });
      await client.answers();
      client.stopListening();
      const before = await client.rss();
      const most = 20_000;
      await client.pump(most, () => client.call('add_memory', { session_id: 'news', messages }));
      expect(client.asked, 'it was read no further').toBeLessThan(most);
      expect((await client.rss()) - before).toBeLessThan(GROWTH_MAX);
      client.listen();
      await client.answers();
      expect(client.updates).toBeGreaterThan(0);
      client.child.stdin.end();
      await client.exited;
    });

    it('does not keep the server from ending', async () => {
      const client = new Deaf();
      const messages = [{ role: 'user', content: TEXT }];
      client.call('add_memory', { session_id: 'long', messages });
      await client.pump(100_000, () => client.call('get_memory', { session_id: 'long' }));
      client.child.kill('SIGTERM');
      await client.exited;
      expect(client.child.exitCode).toBe(0);
    });
  },
);

describe('a client that sends more than is dealt with at once', () => {
  it('gets every answer, of calls, and of messages that are refused', async () => {
    const client = new Deaf({ CALLS_AT_ONCE: '3' });
    client.listen();
    client.call('add_session', { session_id: 'x' });
    for (let i = 0; i < 2000; i++) {
      if (i % 10 === 0) client.ask('no/such/method');
      else if (i % 10 === 1) client.call('no_such_tool', {});
      else if (i % 10 === 2) client.call('add_session', { session_id: 'x'.repeat(2000) });
      else client.call('get_session', { session_id: 'x' });
    }
    await client.answers();
    client.child.stdin.end();
    await client.exited;
  });
});
