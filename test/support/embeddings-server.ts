import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const DIMENSIONS = 256;

/** How the server treats requests until that is changed. */
export type Behaviour =
  | 'answer'
  | 'hang'
  | 'reset'
  | 'redirect'
  | 'html'
  | 'huge'
  | 'base64'
  | 'base64 NaN'
  | 'unsorted'
  | 'no index'
  | 'same index'
  | 'one too few'
  | 'different lengths'
  | 'other length'
  | 'empty vectors'
  | 'zeros'
  | 'NaN'
  | 'null'
  | 'infinity'
  | 'no data'
  | { status: number; retryAfter?: string; body?: unknown }
  | { delay: number };

export interface EmbeddingsServer {
  /** The base URL, ending in `/v1`. */
  readonly url: string;
  /** All requests so far, including refused ones. */
  readonly requests: {
    path: string;
    model: string;
    texts: string[];
    /** The names of everything in the body. */
    fields: string[];
    headers: IncomingMessage['headers'];
  }[];
  /** The number of clients that disconnected before their answer. */
  hungUp: number;
  /** The one model it has; another has other vectors, and asking for another is a 404. */
  model: string;
  /** The bearer key that it requires. */
  key: string | undefined;
  behaviour: Behaviour;
  /** Where `redirect` leads. */
  redirectTo: string;
  /** Decides request by request, before `behaviour` does, which applies where it says nothing. */
  decide: (texts: string[]) => Behaviour | undefined;
  close(): Promise<void>;
}

/**
 * An HTTP server that speaks OpenAI's embeddings API. What it answers depends on the text alone: words
 * in common, or words that `SYNONYMS` calls the same, bring texts near each other.
 */
export async function startEmbeddingsServer(): Promise<EmbeddingsServer> {
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: EmbeddingsServer = {
    url: `http://127.0.0.1:${port}/v1`,
    requests: [],
    hungUp: 0,
    model: 'test-model',
    key: undefined,
    behaviour: 'answer',
    redirectTo: `http://127.0.0.1:${port}/elsewhere`,
    decide: () => undefined,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('close', () => {
      if (!response.writableEnded) server.hungUp++;
    });
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const { model, input } = body;
    const texts: string[] = [input].flat();
    const { url: path = '', headers } = request;
    server.requests.push({ path, model, texts, headers, fields: Object.keys(body).toSorted() });
    if (server.key !== undefined && headers.authorization !== `Bearer ${server.key}`) {
      const message = `Incorrect API key provided: ${headers.authorization}.`;
      return json(response, 401, { error: { message } });
    }
    if (!path.startsWith('/v1/embeddings')) return json(response, 404, { error: 'no such page' });
    if (model !== server.model) {
      return json(response, 404, { error: { message: `model "${model}" not found` } });
    }
    const behaviour = server.decide(texts) ?? server.behaviour;
    await respond(response, behaviour, texts, server);
  }

  return server;
}

async function respond(
  response: ServerResponse,
  behaviour: Behaviour,
  texts: string[],
  { model, redirectTo }: EmbeddingsServer,
): Promise<void> {
  const good = texts.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: embeddingOf(text, model),
  }));
  const answer = (data: unknown) => json(response, 200, { object: 'list', data, model });
  const each = (change: (embedding: number[], index: number) => unknown) =>
    answer(good.map((d) => ({ ...d, embedding: change(d.embedding, d.index) })));
  /** JSON as some servers write it, with a word that JSON does not have. */
  const literal = (word: string) => {
    const body = JSON.stringify({ data: good.map((d) => ({ ...d, embedding: ['?', 1] })) });
    response.writeHead(200).end(body.replaceAll('"?"', word));
  };
  if (typeof behaviour === 'object') {
    if ('delay' in behaviour) {
      await new Promise((resolve) => setTimeout(resolve, behaviour.delay));
      return answer(good);
    }
    const { status, retryAfter, body } = behaviour;
    if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
    return json(response, status, body ?? { error: { message: `told to answer ${status}` } });
  }
  switch (behaviour) {
    case 'answer':
      answer(good);
      return;
    case 'hang':
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'redirect':
      response.writeHead(307, { location: redirectTo }).end();
      return;
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Sign in</p>');
      return;
    case 'huge':
      return flood(response);
    case 'base64':
      return each((embedding) => base64(embedding));
    case 'base64 NaN':
      return each((embedding) => base64([Number.NaN, ...embedding.slice(1)]));
    case 'unsorted':
      return answer(good.toReversed());
    case 'no index':
      return answer(good.map(({ embedding }) => ({ embedding })));
    case 'same index':
      return answer(good.map((d) => ({ ...d, index: 0 })));
    case 'one too few':
      return answer(good.slice(1));
    case 'different lengths':
      return each((embedding, index) => embedding.slice(index));
    case 'other length':
      return each((embedding) => [...embedding, 1]);
    case 'empty vectors':
      return each(() => []);
    case 'zeros':
      return each((embedding) => embedding.map(() => 0));
    case 'null':
      return each((embedding) => embedding.map(() => Number.NaN));
    case 'NaN':
      return literal('NaN');
    case 'infinity':
      return literal('1e999');
    case 'no data':
      return json(response, 200, { embeddings: good.map(({ embedding }) => embedding) });
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Writes while the client reads, up to 1 GB. */
function flood(response: ServerResponse): void {
  const chunk = Buffer.alloc(1_000_000, ' ');
  let left = 1000;
  const more = () => {
    while (left-- > 0 && response.write(chunk));
    if (left <= 0) response.end();
  };
  response.on('drain', more);
  more();
}

function base64(embedding: number[]): string {
  const bytes = Buffer.alloc(embedding.length * 4);
  for (const [i, number] of embedding.entries()) bytes.writeFloatLE(number, i * 4);
  return bytes.toString('base64');
}

/** The test model takes the words of one line for synonyms. They share no stem. */
const SYNONYMS = [
  ['car', 'automobile', 'vehicle'],
  ['doctor', 'physician'],
  ['dog', 'puppy', 'hound'],
  ['holiday', 'vacation', 'getaway'],
  ['purchase', 'purchased', 'buy', 'bought'],
  ['happy', 'glad', 'delighted'],
];
const MEANINGS = new Map(SYNONYMS.flatMap(([first, ...rest]) => rest.map((word) => [word, first])));
const STOP_WORDS = new Set(
  'a an and are at be did do for had has have he her his i in is it me my of on or our she so that the their they this to was we were what when where which who with you your'.split(
    ' ',
  ),
);

/** The test model. Each meaning sets eight dimensions to plus or minus one; a text is their sum. */
export function embeddingOf(text: string, model = 'test-model'): number[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const meaningful = words.filter((word) => !STOP_WORDS.has(word));
  const vector = new Array<number>(DIMENSIONS).fill(0);
  for (const word of meaningful.length > 0 ? meaningful : [text]) {
    for (let place = 0; place < 8; place++) {
      const hash = hashOf(`${model} ${place} ${MEANINGS.get(word) ?? word}`);
      const at = hash % DIMENSIONS;
      vector[at] = (vector[at] as number) + (hash & 0x10000 ? 1 : -1);
    }
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((entry) => entry / length);
}

/** FNV-1a, 32 bits, with a last stir for the low bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
