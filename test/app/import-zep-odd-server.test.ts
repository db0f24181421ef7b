import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/app/import/client.ts';
import { SourceError } from '../../src/app/import/error.ts';
import { inFile, runImport } from '../support/import-zep.ts';
import {
  type Misbehaviour,
  type OldRecords,
  type OldZep,
  oldMessage,
  oldSession,
  startOldZep,
} from '../support/old-zep.ts';
import { Servers } from '../support/server-process.ts';
import type { Services } from '../support/stores.ts';

const caller = { namespace: 'default' };

let servers: Servers;
let old: OldZep;
let number = 0;
let file: string;
beforeAll(async () => {
  servers = await Servers.open();
});
afterAll(() => servers.close());
afterEach(() => old.close());

/** Starts an old server, and chooses a new file to import into. */
async function prepare(records: OldRecords, misbehave?: Misbehaviour): Promise<void> {
  file = join(servers.directory, `target-${number++}.db`);
  old = await startOldZep(records, misbehave);
}

const run = () => runImport(servers, ['--url', old.url, '--api', 'v1'], { SESSIONS_DB: file });

const inTarget = <T>(work: (services: Services) => Promise<T>) => inFile(file, work);

/** The contents of a session's messages, in their order. */
async function contents(session_id: string): Promise<string[]> {
  const { messages } = await inTarget(({ memory }) =>
    memory.list(caller, session_id, { order: 'asc', limit: 1000 }),
  );
  return messages.map(({ content }) => content);
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const numbered = (count: number) => numbers(count).map((i) => `message ${i}`);

describe('import zep reads whole lists', () => {
  it('whose cursor is the id of the last record, though many were deleted', async () => {
    const sessions = numbers(300).map((i) => oldSession(500 + 3 * i, `s${i}`));
    await prepare({ sessions });
    const { code, stdout } = await run();
    expect(code).toBe(0);
    expect(stdout).toContain(' 300 sessions, 0 messages,');
    const { records } = await inTarget(({ sessions }) =>
      sessions.list(caller, {
        ...{ order_by: 'created_at', order: 'asc', deleted: 'exclude', limit: 1000 },
      }),
    );
    expect(records.map(({ session_id }) => session_id)).toEqual(numbers(300).map((i) => `s${i}`));
  });

  it('of a server that sends fewer messages than it is asked for', async () => {
    await prepare(
      { sessions: [oldSession(1, 's')], messages: { s: numbers(130).map((i) => oldMessage(i)) } },
      ({ query }) => {
        if (Number(query.get('limit')) > 50) query.set('limit', '50');
        return false;
      },
    );
    expect(await run()).toMatchObject({ code: 0 });
    expect(await contents('s')).toEqual(numbered(130));
  });

  it('of a server that refuses to send so much at once', async () => {
    await prepare(
      { sessions: [oldSession(1, 's')], messages: { s: numbers(130).map((i) => oldMessage(i)) } },
      ({ path, query }, response) => {
        const isMuch = path.endsWith('/messages') && Number(query.get('limit')) > 8;
        if (isMuch) response.writeHead(400).end('too much');
        return isMuch;
      },
    );
    expect(await run()).toMatchObject({ code: 0 });
    expect(await contents('s')).toEqual(numbered(130));
  });

  it('and says what is missing of one that does not turn the page', async () => {
    await prepare(
      { sessions: [oldSession(1, 's')], messages: { s: numbers(130).map((i) => oldMessage(i)) } },
      ({ path, query }) => {
        if (path.endsWith('/messages')) query.set('cursor', '1');
        if (path.endsWith('/messages')) query.set('limit', '2');
        return false;
      },
    );
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(stdout).toContain(
      'session "s": the old server says that it has 130 messages, and sent 2',
    );
    expect(stdout).toContain('Left out: 128.');
    expect(await contents('s')).toEqual(numbered(2));
  });

  it('and says so where a session cannot be read under its identifier', async () => {
    await prepare(
      { sessions: [oldSession(1, 'a/b'), oldSession(2, 's')] },
      ({ path }, response) => {
        const isLost = path.includes('a%2Fb');
        // As the original server: it takes the encoded identifier for another one.
        if (isLost && path.endsWith('/messages')) response.end('null');
        else if (isLost) response.writeHead(404).end('not found');
        return isLost;
      },
    );
    const { code, stdout } = await run();
    expect(code).toBe(1);
    expect(stdout).toMatch(/session "a\/b": the old server lists it, but does not find it/);
    expect(stdout).toContain('Left out: 1.');
  });
});

describe('import zep is patient', () => {
  it('with a server that is busy, fails, or drops the connection for a while', async () => {
    const failures: ((response: Parameters<Misbehaviour>[1]) => unknown)[] = [
      (response) => response.writeHead(429, { 'retry-after': '0' }).end('slow down'),
      (response) => response.writeHead(503).end(),
      (response) => response.destroy(),
      (response) => response.writeHead(200).write('[{"uuid":', () => response.destroy()),
    ];
    await prepare(
      { sessions: [oldSession(1, 's')], messages: { s: [oldMessage(0)] } },
      ({ path }, response) => {
        const fail = path.includes('/s/') ? failures.shift() : undefined;
        fail?.(response);
        return fail !== undefined;
      },
    );
    const { code, stderr } = await run();
    expect(code).toBe(0);
    expect(failures).toEqual([]);
    expect(stderr.match(/the old server is asked again/g)).toHaveLength(4);
    expect(await contents('s')).toEqual(['message 0']);
  });

  it('and goes on where it stopped, after a server that stayed away', async () => {
    const sessions = numbers(3).map((i) => oldSession(i + 1, `s${i}`));
    const messages = Object.fromEntries(numbers(3).map((i) => [`s${i}`, [oldMessage(i)]]));
    let isAway = true;
    await prepare({ sessions, messages }, ({ path }, response) => {
      const isRefused = isAway && path.includes('/s2/');
      if (isRefused) response.writeHead(503, { 'retry-after': '100000' }).end('down');
      return isRefused;
    });
    const first = await run();
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/answered 503: "down".*run the command again/);
    isAway = false;
    const second = await run();
    expect(second).toMatchObject({ code: 0 });
    expect(second.stdout).toContain('Already here: 0 users, 3 sessions, 2 messages');
    expect(await contents('s2')).toEqual(['message 2']);
  });

  describe('and its client', () => {
    const limits = { attempts: 4, waitMs: 1, waitMaxMs: 4, silenceMs: 200, maxBytes: 1000 };

    /** What requests come to that a client sends one after the other. */
    async function problems(count: number, other: object = {}): Promise<SourceError[]> {
      const waits: number[] = [];
      const client = createClient({
        ...{ url: old.url, apiKey: 'very-secret', connections: 1 },
        signal: new AbortController().signal,
        onRetry: (wait) => waits.push(wait),
        limits: { ...limits, ...other },
      });
      const found: SourceError[] = [];
      for (let i = 0; i < count; i++) {
        await client.get(`/${i}`, 'Bearer').catch((error: unknown) => {
          found.push(error as SourceError);
        });
      }
      client.close();
      expect(found.every((error) => error instanceof SourceError)).toBe(true);
      return found;
    }

    it('asks a few times, and then says how often', async () => {
      await prepare({}, (_, response) => {
        response.writeHead(500, { 'content-type': 'application/json' }).end('{"message":"oh"}');
        return true;
      });
      const [error] = await problems(1);
      expect(error?.message).toMatch(/answered 500: "oh"\. It was asked 4 times\.$/);
      expect(old.seen).toHaveLength(4);
    });

    it('waits as long as it is asked to, within reason', async () => {
      await prepare({}, ({ path }, response) => {
        response.writeHead(429, { 'retry-after': path === '/0' ? '0' : '3600' }).end();
        return true;
      });
      expect(await problems(2)).toHaveLength(2);
      expect(old.seen.map(({ path }) => path)).toEqual(['/0', '/0', '/0', '/0', '/1']);
    });

    it('does not wait for ever for an answer, nor asks again at an address that never gave one', async () => {
      await prepare({}, () => true);
      const [error] = await problems(1);
      expect(error?.problem).toBe('timeout');
      expect(old.seen).toHaveLength(1);
    });

    it('asks again after a time-out where there were answers before', async () => {
      await prepare({}, ({ path }, response) => {
        if (path === '/0') response.end('[]');
        return true;
      });
      const [error] = await problems(2);
      expect(error?.problem).toBe('timeout');
      expect(old.seen).toHaveLength(5);
    });

    it('reads no more of an answer than fits', async () => {
      await prepare({}, (_, response) => {
        response.end(JSON.stringify('x'.repeat(2000)));
        return true;
      });
      expect((await problems(1))[0]?.problem).toBe('too_long');
    });
  });
});
