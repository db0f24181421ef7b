import { type IncomingHttpHeaders, request } from 'node:http';

export interface Sent {
  method?: string;
  /** A header that comes several times is a list. */
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  /** The path exactly as it is sent. A URL would be normalised. */
  path?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own: `fetch` would not let a Host header through. */
export function send(
  url: string | URL,
  { method, headers = {}, body, path }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      ...{ method: method ?? (body === undefined ? 'GET' : 'POST'), agent: false },
      ...(path !== undefined && { path }),
    };
    const outgoing = request(url, { ...options, headers: { connection: 'close', ...headers } });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
    });
    outgoing.end(body);
  });
}

export const JSON_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};

/** The JSON-RPC message in an answer, which older eras wrap in an event. */
export function message({ body }: Answer) {
  return JSON.parse(/^data: (.*)$/m.exec(body)?.[1] ?? body);
}

/** A stream of server-sent events, as it arrives. */
export class SseStream {
  /** The URL that messages are posted to over HTTP+SSE, from the first event. */
  readonly endpoint: URL;
  /** Settles when the server ends the stream. */
  readonly ended: Promise<void>;
  readonly #events: string[] = [];
  readonly #waiting: ((event: string) => void)[] = [];
  readonly #abort: AbortController;

  private constructor(
    first: string,
    base: string,
    events: AsyncIterator<string>,
    abort: AbortController,
  ) {
    this.endpoint = new URL(first, base);
    this.#abort = abort;
    this.ended = this.#read(events);
  }

  /** Opens the stream of HTTP+SSE at `url`. */
  static async open(url: string, headers: Record<string, string> = {}): Promise<SseStream> {
    const abort = new AbortController();
    const response = await fetch(`${url}/sse`, { signal: abort.signal, headers });
    if (!response.ok) throw new Error(`GET /sse: ${response.status}`);
    const events = dataOf(response.body as ReadableStream<Uint8Array>);
    return new SseStream((await events.next()).value ?? '', url, events, abort);
  }

  next(): Promise<string> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(events: AsyncIterator<string>): Promise<void> {
    try {
      for (let event = await events.next(); !event.done; event = await events.next()) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#events.push(event.value);
        else waiting(event.value);
      }
    } catch {
      // Either side closed it.
    }
  }
}

async function* dataOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield data;
    }
  }
  return undefined;
}

/** The body of a call of a tool. */
export function callBody(name: string, args: object = {}, meta?: object): string {
  const params = { name, arguments: args, ...(meta && { _meta: meta }) };
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
}

/** Calls a tool as clients of the older protocol era do, over Streamable HTTP. */
export function post(url: string, name: string, args: object = {}): Promise<Answer> {
  return send(`${url}/mcp`, { headers: JSON_HEADERS, body: callBody(name, args) });
}
