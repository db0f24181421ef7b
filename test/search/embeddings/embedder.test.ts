import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmbedder, type EmbedderOptions } from '../../../src/search/embeddings/embedder.ts';
import {
  type Behaviour,
  DIMENSIONS,
  type EmbeddingsServer,
  embeddingOf,
  startEmbeddingsServer,
} from '../../support/embeddings-server.ts';
import { endpointFailure } from '../../support/model-api-server.ts';

let server: EmbeddingsServer;
beforeEach(async () => {
  server = await startEmbeddingsServer();
});
afterEach(() => server.close());

const embedder = (options: Partial<EmbedderOptions> = {}) =>
  createEmbedder({ url: server.url, model: 'test-model', retryDelay: 1, ...options });

/** The first so many requests are treated as told, the others answered. */
function first(times: number, behaviour: Behaviour): void {
  let left = times;
  server.decide = () => (left-- > 0 ? behaviour : undefined);
}

const vectorOf = (text: string) => Float32Array.from(embeddingOf(text));

describe('embedding texts', () => {
  it('asks once for all of them, with the model and the key', async () => {
    server.key = 'k-1';
    const vectors = await embedder({ apiKey: 'k-1' }).embed(['red fox', 'blue whale']);
    expect(vectors).toStrictEqual([vectorOf('red fox'), vectorOf('blue whale')]);
    expect(server.requests).toMatchObject([
      { path: '/v1/embeddings', model: 'test-model', texts: ['red fox', 'blue whale'] },
    ]);
  });

  it('sends no authorization without a key, and asks for no encoding', async () => {
    await embedder().embed(['a fox']);
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
    expect(server.requests[0]?.fields).toStrictEqual(['input', 'model']);
  });

  it('asks nothing for no texts', async () => {
    expect(await embedder().embed([])).toStrictEqual([]);
    expect(server.requests).toHaveLength(0);
  });

  it.each<Behaviour>(['base64', 'unsorted', 'no index'])(
    'understands an answer that is %s',
    async (behaviour) => {
      server.behaviour = behaviour;
      const texts = ['one', 'two', 'three'];
      expect(await embedder().embed(texts)).toStrictEqual(texts.map(vectorOf));
    },
  );

  it('brings texts near each other that have no word in common', async () => {
    const [car, automobile, soup] = await embedder().embed([
      'Where is my car?',
      'She bought an automobile.',
      'The soup was cold.',
    ]);
    const cosine = (a?: Float32Array, b?: Float32Array) =>
      a?.reduce((sum, entry, i) => sum + entry * (b?.[i] ?? 0), 0) ?? Number.NaN;
    expect(cosine(car, automobile)).toBeGreaterThan(0.5);
    expect(Math.abs(cosine(car, soup))).toBeLessThan(0.3);
  });

  it('cuts a long text, and mends what is not well-formed', async () => {
    await embedder().embed(['x'.repeat(1_000_000), 'a\uD800b', `${'x'.repeat(7999)}😀`]);
    expect(server.requests[0]?.texts).toStrictEqual([
      'x'.repeat(8000),
      'a\uFFFDb',
      `${'x'.repeat(7999)}\uFFFD`,
    ]);
  });
});

describe('an answer that cannot be used', () => {
  it.each<[Behaviour, RegExp]>([
    ['html', /a web page/],
    ['no data', /without a list of vectors/],
    ['one too few', /1 vectors for 2 texts/],
    ['same index', /two vectors with the index 0/],
    ['different lengths', /different lengths: 256, 255/],
    ['empty vectors', /an empty vector/],
    ['zeros', /a vector of zeros/],
    ['null', /entries that are no numbers/],
    ['infinity', /entries that are no numbers/],
    ['base64 NaN', /entries that are no numbers/],
    ['NaN', /not JSON/],
    ['huge', /more than \d+ bytes/],
  ])('(%s) is an error that says what came and what to check, at once', async (behaviour, what) => {
    server.behaviour = behaviour;
    const error = await endpointFailure(embedder().embed(['one', 'two']));
    expect(error.problem).toBe('invalid_answer');
    expect(error.message).toMatch(what);
    expect(error.message).toMatch(/Check that its address/);
    expect(server.requests).toHaveLength(1);
  });

  it('is one whose vectors are not as long as those before', async () => {
    const subject = embedder();
    await subject.embed(['one']);
    server.behaviour = 'other length';
    const error = await endpointFailure(subject.embed(['two']));
    expect(error.problem).toBe('invalid_answer');
    expect(error.message).toMatch(
      `vectors of ${DIMENSIONS + 1} numbers, and before that vectors of ${DIMENSIONS}`,
    );
    server.behaviour = 'answer';
    expect(await subject.embed(['two'])).toStrictEqual([vectorOf('two')]);
  });
});

describe('a refusal', () => {
  it.each<[number, string]>([
    [400, 'refused'],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [404, 'misconfigured'],
    [413, 'refused'],
    [422, 'refused'],
  ])('with %i is not repeated, and quotes what the server says', async (status, problem) => {
    server.behaviour = { status };
    const error = await endpointFailure(embedder().embed(['one']));
    expect(error).toMatchObject({ problem });
    expect(error.message).toMatch(`/v1/embeddings answered ${status}: told to answer ${status}. `);
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, unknown, RegExp]>([
    ['as Ollama writes it', { error: 'input is too long' }, /400: input is too long\. /],
    ['as TEI writes it', { message: 'input is too long.' }, /400: input is too long\. /],
    ['as FastAPI writes it', { detail: 'input is too long' }, /400: input is too long\. /],
    ['in a form unknown', { detail: [{ input: 'one' }] }, /400\. /],
    ['at any length', { error: 'x'.repeat(15_000) }, /400: x{200}\. /],
    ['at a length that is not read', { error: 'x'.repeat(100_000) }, /400\. /],
  ])('says why, %s', async (_, body, message) => {
    server.behaviour = { status: 400, body };
    expect((await endpointFailure(embedder().embed(['one']))).message).toMatch(message);
  });

  it('by a model that is not there says to check it', async () => {
    server.model = 'another';
    const error = await endpointFailure(embedder().embed(['one']));
    expect(error.problem).toBe('misconfigured');
    expect(error.message).toMatch(/"test-model" not found.*has the model/);
  });

  it('never shows the key, though the server repeats it', async () => {
    server.key = 'sk-right';
    const error = await endpointFailure(embedder({ apiKey: 'sk-wrong' }).embed(['one']));
    expect(error.problem).toBe('unauthorized');
    expect(error.message).toMatch('Incorrect API key provided: Bearer ***.');
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toMatch('sk-wrong');
  });

  it.each(['', 'two words', 'line\nbreak', 'schlüssel'])(
    'of the key %j comes at the start, without the key',
    (apiKey) => {
      expect(() => embedder({ apiKey })).toThrow(/API key is empty or has.*Copy it again\.$/);
    },
  );

  it('of a redirect keeps key and texts from whoever it leads to', async () => {
    const other = await startEmbeddingsServer();
    server.redirectTo = `${other.url}/embeddings`;
    server.behaviour = 'redirect';
    const error = await endpointFailure(embedder({ apiKey: 'k-1' }).embed(['one']));
    expect(error.problem).toBe('misconfigured');
    expect(error.message).toMatch(/307.*Redirects are not followed/);
    expect(other.requests).toHaveLength(0);
    await other.close();
  });
});

describe('what may pass', () => {
  it.each<[string, Behaviour]>([
    ['408', { status: 408 }],
    ['424', { status: 424 }],
    ['429', { status: 429 }],
    ['429 with a short Retry-After', { status: 429, retryAfter: '0' }],
    ['500', { status: 500 }],
    ['503 with a date that has passed', { status: 503, retryAfter: new Date(0).toUTCString() }],
    ['a connection that breaks', 'reset'],
  ])('(%s) is tried again', async (_, behaviour) => {
    first(2, behaviour);
    expect(await embedder().embed(['one'])).toStrictEqual([vectorOf('one')]);
    expect(server.requests).toHaveLength(3);
  });

  it.each<[Behaviour, string]>([
    [{ status: 429 }, 'overloaded'],
    [{ status: 503 }, 'failing'],
    ['reset', 'unreachable'],
  ])('(%j) is given up after the third time', async (behaviour, problem) => {
    server.behaviour = behaviour;
    expect(await endpointFailure(embedder().embed(['one']))).toMatchObject({ problem });
    expect(server.requests).toHaveLength(3);
  });

  it('is waited for as long as the endpoint asks', async () => {
    first(1, { status: 429, retryAfter: '1' });
    const begun = performance.now();
    await embedder().embed(['one']);
    expect(performance.now() - begun).toBeGreaterThan(950);
  });

  it.each([
    ['in seconds', () => '3600'],
    ['as a date', () => new Date(Date.now() + 3_600_000).toUTCString()],
  ])(
    'is not waited for if it asks for an hour %s, which the error tells',
    async (_, retryAfter) => {
      server.behaviour = { status: 429, retryAfter: retryAfter() };
      const error = await endpointFailure(embedder().embed(['one']));
      expect(server.requests).toHaveLength(1);
      expect(error.retryAfter).toBeGreaterThan(3_590_000);
      expect(error.retryAfter).toBeLessThanOrEqual(3_600_000);
    },
  );

  it('is named by where nobody listens', async () => {
    await server.close();
    const error = await endpointFailure(embedder().embed(['one']));
    expect(error.problem).toBe('unreachable');
    expect(error.message).toMatch(
      /127\.0\.0\.1:\d+\/v1\/embeddings cannot be reached \(ECONNREFUSED\)/,
    );
  });
});

describe('time', () => {
  it('is limited for each request', async () => {
    server.behaviour = 'hang';
    const error = await endpointFailure(embedder({ timeout: 500 }).embed(['one']));
    expect(error.problem).toBe('timeout');
    expect(error.message).toMatch(/did not answer in time/);
    expect(server.requests).toHaveLength(1);
  });

  it('is there for an endpoint that is slow', async () => {
    server.behaviour = { delay: 100 };
    expect(await embedder().embed(['one'])).toHaveLength(1);
  });

  it('is limited by the signal of a search, over all tries', async () => {
    server.behaviour = 'hang';
    const error = await endpointFailure(embedder().embed(['one'], AbortSignal.timeout(50)));
    expect(error.problem).toBe('timeout');
  });

  it('that runs out between two tries leaves the error of the first', async () => {
    server.behaviour = { status: 503, retryAfter: '4' };
    const error = await endpointFailure(embedder().embed(['one'], AbortSignal.timeout(1000)));
    expect(error.problem).toBe('failing');
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, Behaviour]>([
    ['during a request', 'hang'],
    ['between two', { status: 503, retryAfter: '4' }],
  ])('ends with whatever the signal says, %s', async (_, behaviour) => {
    server.behaviour = behaviour;
    const controller = new AbortController();
    const work = embedder().embed(['one'], controller.signal);
    setTimeout(() => controller.abort(new Error('shutting down')), 100);
    await expect(work).rejects.toThrow('shutting down');
    await expect(embedder().embed(['one'], controller.signal)).rejects.toThrow('shutting down');
  });
});
