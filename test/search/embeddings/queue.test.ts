import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DomainError } from '../../../src/domain/errors.ts';
import { createEmbedder } from '../../../src/search/embeddings/embedder.ts';
import {
  createEmbeddingQueue,
  type EmbeddedItem,
  type EmbeddingQueue,
  type QueueReport,
} from '../../../src/search/embeddings/queue.ts';
import {
  type EmbeddingsServer,
  embeddingOf,
  startEmbeddingsServer,
} from '../../support/embeddings-server.ts';

let server: EmbeddingsServer;
let stored: EmbeddedItem<string>[];
let storing: () => Promise<void>;
let reports: QueueReport<string>[];
const open: EmbeddingQueue<string>[] = [];

beforeEach(async () => {
  server = await startEmbeddingsServer();
  stored = [];
  reports = [];
  storing = async () => {};
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((queue) => queue.close(0)));
  await server.close();
});

function startQueue({ maxItems = 1000, timeout = 5000 } = {}): EmbeddingQueue<string> {
  const queue = createEmbeddingQueue<string>({
    embedder: createEmbedder({ url: server.url, model: 'test-model', retryDelay: 1, timeout }),
    async store(batch) {
      await storing();
      stored.push(...batch);
    },
    onProblem: (report) => reports.push(report),
    retryDelay: 20,
    maxItems,
  });
  open.push(queue);
  return queue;
}

const numbered = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({
    key: `k${from + i}`,
    text: `text number ${from + i}`,
  }));
const storedKeys = () => stored.map(({ key }) => key);
const kinds = () => reports.map(({ kind }) => kind);
const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });
const drained = (queue: EmbeddingQueue<string>) =>
  until(() => expect(queue.state().queued).toBe(0));

describe('offered texts', () => {
  it('are embedded and stored under their keys, in their order', async () => {
    const queue = startQueue();
    queue.offer(numbered(100));
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(100).map(({ key }) => key));
    for (const [i, { vector }] of stored.entries()) {
      expect(vector).toStrictEqual(Float32Array.from(embeddingOf(`text number ${i}`)));
    }
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 0 });
    expect(reports).toStrictEqual([]);
  });

  it('go in batches of at most 32 texts and 64,000 characters', async () => {
    const queue = startQueue();
    queue.offer(numbered(70));
    queue.offer(Array.from({ length: 9 }, (_, i) => ({ key: `${i}`, text: 'x'.repeat(9000) })));
    await drained(queue);
    const sizes = server.requests.map(({ texts }) => texts.length);
    expect(sizes).toStrictEqual([32, 32, 6 + 7, 2]);
  });

  it('that come singly while a request is under way go together in the next', async () => {
    let storeFirst = () => {};
    const first = new Promise<void>((resolve) => {
      storeFirst = resolve;
    });
    storing = () => first;
    const queue = startQueue();
    queue.offer(numbered(1));
    await until(() => expect(server.requests).toHaveLength(1));
    for (const item of numbered(20, 1)) queue.offer([item]);
    storeFirst();
    await drained(queue);
    expect(server.requests.map(({ texts }) => texts.length)).toStrictEqual([1, 20]);
  });

  it('are asked for one request at a time, and never on the time of the one who offers', async () => {
    let underWay = 0;
    let most = 0;
    storing = async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
    };
    const queue = startQueue();
    for (let i = 0; i < 10; i++) queue.offer(numbered(40, i * 40));
    await Promise.resolve();
    expect(server.requests).toHaveLength(0);
    await drained(queue);
    expect(stored).toHaveLength(400);
    expect(most).toBe(1);
  });

  it('are passed over if they are blank', async () => {
    const queue = startQueue();
    queue.offer([
      { key: 'empty', text: '' },
      { key: 'blank', text: ' \n\u3000' },
      { key: 'word', text: 'word' },
    ]);
    await drained(queue);
    expect(storedKeys()).toStrictEqual(['word']);
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 0 });
  });
});

describe('an endpoint that is down', () => {
  it.each([
    ['fails', { status: 503 }, 'failing'],
    ['is overloaded', { status: 429 }, 'overloaded'],
    ['wants another key', { status: 401 }, 'unauthorized'],
    ['has not got the model', { status: 404 }, 'misconfigured'],
    ['breaks connections', 'reset', 'unreachable'],
    ['answers a web page', 'html', 'invalid_answer'],
    ['refuses whatever it gets', { status: 400 }, 'refused'],
  ] as const)('(it %s) loses nothing, and is reported once', async (_, behaviour, problem) => {
    server.behaviour = behaviour;
    const queue = startQueue();
    queue.offer(numbered(50));
    await until(() => expect(queue.state().lastProblem).toBe(problem));
    const asked = server.requests.length;
    await until(() => expect(server.requests.length).toBeGreaterThan(asked + 6));
    expect(queue.state()).toStrictEqual({ queued: 50, dropped: 0, lastProblem: problem });
    expect(kinds()).toStrictEqual(['blocked']);
    expect(reports[0]?.error).toMatchObject({ problem });
    server.behaviour = 'answer';
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(50).map(({ key }) => key));
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 0 });
  });

  it('is asked less and less often', async () => {
    server.behaviour = { status: 401 };
    startQueue().offer(numbered(1));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    // Bounds of 20, 40, 80, 160, 320, 640, 1280 ms, each halved on average: about 7, but it is chance.
    expect(server.requests.length).toBeLessThan(40);
    await until(() => expect(server.requests.length).toBeGreaterThan(2));
  });

  it('is left alone for as long as it asks', async () => {
    server.behaviour = { status: 429, retryAfter: '3600' };
    const queue = startQueue();
    queue.offer(numbered(1));
    await until(() => expect(queue.state().lastProblem).toBe('overloaded'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.requests).toHaveLength(1);
  });

  it('that hangs gets smaller batches once it is back', async () => {
    server.behaviour = 'hang';
    const queue = startQueue({ timeout: 500 });
    queue.offer(numbered(32));
    await until(() => expect(queue.state().lastProblem).toBe('timeout'));
    await until(() => expect(server.requests.length).toBeGreaterThan(3));
    expect(kinds()).toStrictEqual(['blocked']);
    server.behaviour = 'answer';
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(32).map(({ key }) => key));
    expect(queue.state().dropped).toBe(0);
  });

  it('fills the queue up to its bound; what is dropped is counted and reported once', async () => {
    server.behaviour = { status: 503 };
    const queue = startQueue({ maxItems: 40 });
    queue.offer(numbered(30));
    await until(() => expect(queue.state().lastProblem).toBe('failing'));
    queue.offer(numbered(30, 30));
    queue.offer(numbered(30, 60));
    const { queued, dropped } = queue.state();
    expect(queued + dropped).toBe(90);
    expect(queued).toBe(70);
    expect(kinds()).toStrictEqual(['blocked', 'full']);
    expect(reports[1]?.message).toMatch(/^40 messages wait.*mcp-sessions embed/);
    server.behaviour = 'answer';
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(70).map(({ key }) => key));
    queue.offer(numbered(50));
    expect(kinds()).toStrictEqual(['blocked', 'full', 'full']);
  });

  it('keeps no more text waiting than memory allows', async () => {
    server.behaviour = { status: 503 };
    const queue = startQueue({ maxItems: 10_000 });
    queue.offer(Array.from({ length: 3000 }, (_, i) => ({ key: `${i}`, text: 'x'.repeat(8000) })));
    expect(queue.state()).toMatchObject({ queued: 2000, dropped: 1000 });
  });
});

describe('a text that cannot be embedded', () => {
  const poisonous = (texts: string[]) => texts.some((text) => text.includes('poison'));
  const offered = numbered(70).map((item, i) => (i === 41 ? { ...item, text: 'poison' } : item));
  const others = offered.filter(({ text }) => text !== 'poison').map(({ key }) => key);

  it.each([
    ['is refused', { status: 400 }],
    ['makes the server fail', { status: 500 }],
    ['breaks the connection', 'reset'],
    ['gets a vector of zeros', 'zeros'],
    ['takes forever', 'hang'],
  ] as const)('(it %s) is skipped and reported, and the others are not', async (_, behaviour) => {
    server.decide = (texts) => (poisonous(texts) ? behaviour : undefined);
    const queue = startQueue({ timeout: 700 });
    queue.offer(offered);
    await drained(queue);
    expect(storedKeys()).toStrictEqual(others);
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 1 });
    const skipped = reports.filter(({ kind }) => kind === 'skipped');
    expect(skipped).toMatchObject([{ keys: ['k41'], error: { name: 'EndpointError' } }]);
  });

  it('because the model reads less is embedded as far as it reads', async () => {
    server.decide = (texts) => (texts.some((t) => t.length > 2000) ? { status: 413 } : undefined);
    const queue = startQueue();
    queue.offer([{ key: 'short', text: 'a' }]);
    queue.offer([{ key: 'long', text: `${'x'.repeat(1999)} ${'y'.repeat(5000)}` }]);
    await drained(queue);
    expect(storedKeys()).toStrictEqual(['short', 'long']);
    expect(server.requests.at(-1)?.texts[0]).toMatch(/^x{1750}$/);
    expect(reports).toStrictEqual([]);
  });

  it('together with others because there are too many, makes the next batches smaller', async () => {
    server.decide = (texts) => (texts.length > 10 ? { status: 422 } : undefined);
    const queue = startQueue();
    queue.offer(numbered(400));
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(400).map(({ key }) => key));
    const refused = server.requests.filter(({ texts }) => texts.length > 10).length;
    expect(refused).toBeLessThan(server.requests.length / 5);
    expect(reports).toStrictEqual([]);
  });
});

describe('a store', () => {
  it('that is unreachable is given the same vectors again, which are not asked for again', async () => {
    let failures = 3;
    storing = async () => {
      if (failures-- > 0) throw new DomainError('UNAVAILABLE', 'down');
    };
    const queue = startQueue();
    queue.offer(numbered(3));
    await until(() => expect(queue.state().lastProblem).toBe('store'));
    await drained(queue);
    expect(storedKeys()).toStrictEqual(['k0', 'k1', 'k2']);
    expect(server.requests).toHaveLength(1);
    expect(kinds()).toStrictEqual(['blocked']);
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 0 });
  });

  it('that refuses a batch does not stand in the way of the next', async () => {
    let failures = 1;
    storing = async () => {
      if (failures-- > 0) throw new Error('no such column');
    };
    const queue = startQueue();
    queue.offer(numbered(40));
    await drained(queue);
    expect(storedKeys()).toStrictEqual(numbered(8, 32).map(({ key }) => key));
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 32 });
    expect(reports).toMatchObject([{ kind: 'skipped', error: { message: 'no such column' } }]);
  });
});

describe('closing', () => {
  it('finishes what waits', async () => {
    server.behaviour = { delay: 20 };
    const queue = startQueue();
    queue.offer(numbered(100));
    await queue.close(10_000);
    expect(stored).toHaveLength(100);
    expect(reports).toStrictEqual([]);
  });

  it('takes nothing more', async () => {
    const queue = startQueue();
    await queue.close(10_000);
    queue.offer(numbered(2));
    expect(queue.state()).toStrictEqual({ queued: 0, dropped: 2 });
    expect(server.requests).toHaveLength(0);
  });

  it('gives up after its grace, in the middle of a request, and says what is left', async () => {
    server.behaviour = 'hang';
    const queue = startQueue();
    queue.offer(numbered(50));
    await until(() => expect(server.requests).toHaveLength(1));
    const begun = performance.now();
    await queue.close(100);
    // Measured: 100 ms. Without a grace it would be the 5 s of the request.
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(kinds()).toStrictEqual(['closed']);
    expect(reports[0]?.message).toMatch(/^50 messages were not embedded.*mcp-sessions embed/);
    await until(() => expect(server.hungUp).toBe(1));
  });

  it('does not sit out a back-off: it tries once more', async () => {
    server.behaviour = { status: 429, retryAfter: '3600' };
    const queue = startQueue();
    queue.offer(numbered(3));
    await until(() => expect(queue.state().lastProblem).toBe('overloaded'));
    server.behaviour = 'answer';
    await queue.close(10_000);
    expect(stored).toHaveLength(3);
    expect(kinds()).toStrictEqual(['blocked']);
  });

  it('gives up at the first failure, and tells its cause', async () => {
    server.behaviour = { status: 401 };
    const queue = startQueue();
    queue.offer(numbered(3));
    await queue.close(600_000);
    expect(server.requests).toHaveLength(1);
    expect(queue.state()).toStrictEqual({ queued: 3, dropped: 0, lastProblem: 'unauthorized' });
    expect(reports).toMatchObject([{ kind: 'closed', error: { problem: 'unauthorized' } }]);
  });

  it('does not wait for a store that hangs', async () => {
    storing = () => new Promise(() => {});
    const queue = startQueue();
    queue.offer(numbered(3));
    await until(() => expect(server.requests).toHaveLength(1));
    await queue.close(100);
    expect(kinds()).toStrictEqual(['closed']);
  });
});

describe('a process', () => {
  it('ends though texts wait for an endpoint that is down', async () => {
    const url = server.url;
    await server.close();
    const dist = (file: string) =>
      new URL(`../../../dist/search/embeddings/${file}.js`, import.meta.url).href;
    const script = `
      import { createEmbedder } from '${dist('embedder')}';
      import { createEmbeddingQueue } from '${dist('queue')}';
      const embedder = createEmbedder({ url: '${url}', model: 'm', retryDelay: 1 });
      const onProblem = ({ kind }) => console.log(kind);
      const queue = createEmbeddingQueue({
        embedder, store: async () => {}, onProblem, retryDelay: 2 ** 40,
      });
      queue.offer([{ key: 1, text: 'one' }]);`;
    const run = promisify(execFile);
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await run(process.execPath, args, { timeout: 15_000 });
    expect(stdout).toBe('blocked\n');
  });
});
