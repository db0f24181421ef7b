import { type IncomingHttpHeaders, request } from 'node:http';

/** What is sent; a header may come several times. */
export interface Sent {
  method?: string;
  headers?: Record<string, string | string[]>;
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
