import type { IncomingMessage, ServerResponse } from 'node:http';
import { behave, type CommonBehaviour, json, listen, refusesKey } from './model-api-server.ts';

export const DIMENSIONS = 256;

/** How the server treats requests until that is changed. */
export type Behaviour =
  | CommonBehaviour
  | 'answer'
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
  const { origin, close } = await listen(handle);
  const server: EmbeddingsServer = {
    url: `${origin}/v1`,
    requests: [],
    hungUp: 0,
    model: 'test-model',
    key: undefined,
    behaviour: 'answer',
    redirectTo: `${origin}/elsewhere`,
    decide: () => undefined,
    close,
  };

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    body: { model: string; input: string | string[] },
  ): Promise<void> {
    response.on('close', () => {
      if (!response.writableEnded) server.hungUp++;
    });
    const { model, input } = body;
    const texts: string[] = [input].flat();
    const { url: path = '', headers } = request;
    server.requests.push({ path, model, texts, headers, fields: Object.keys(body).toSorted() });
    if (refusesKey(request, response, server.key)) return;
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
    if ('status' in behaviour) return behave(response, behaviour, redirectTo);
    await new Promise((resolve) => setTimeout(resolve, behaviour.delay));
    return answer(good);
  }
  switch (behaviour) {
    case 'answer':
      answer(good);
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
    default:
      return behave(response, behaviour, redirectTo);
  }
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
