import { type IncomingHttpHeaders, request } from 'node:http';

export interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own: `fetch` would not let a Host header through. */
export function send(
  url: string | URL,
  { method, headers = {}, body }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method: method ?? (body === undefined ? 'GET' : 'POST'), agent: false };
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

/** The stream of answers of HTTP+SSE, as it comes. */
export class SseStream {
  readonly endpoint: URL;
  readonly #events: AsyncIterator<string>;
  readonly #abort: AbortController;

  private constructor(endpoint: URL, events: AsyncIterator<string>, abort: AbortController) {
    this.endpoint = endpoint;
    this.#events = events;
    this.#abort = abort;
  }

  static async open(url: string): Promise<SseStream> {
    const abort = new AbortController();
    const response = await fetch(`${url}/sse`, { signal: abort.signal });
    const events = dataOf(response.body as ReadableStream<Uint8Array>);
    const endpoint = new URL((await events.next()).value ?? '', url);
    return new SseStream(endpoint, events, abort);
  }

  async next(): Promise<string> {
    return (await this.#events.next()).value ?? '';
  }

  close(): void {
    this.#abort.abort();
  }
}

async function* dataOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) yield /^data: (.*)$/m.exec(event)?.[1] ?? '';
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
