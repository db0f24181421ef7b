import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Fields = Record<string, unknown>;

/** The records of an old server. A message is of the session that its key names. */
export interface OldRecords {
  users?: Fields[];
  sessions?: Fields[];
  messages?: Record<string, Fields[]>;
  summaries?: Record<string, Fields>;
}

/** A request as the old server has seen it. */
export interface SeenRequest {
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
}

/**
 * What an old server does that is out of the ordinary: it answers, and returns `true`, or leaves the request
 * to the usual way.
 */
export type Misbehaviour = (seen: SeenRequest, response: ServerResponse) => boolean;

/** A server with the first API, as the original one has it: see `startOldZep`. */
export interface OldZep {
  url: string;
  seen: SeenRequest[];
  close(): Promise<void>;
}

/**
 * Starts a server with the reading routes of the first API, as the last versions of the original server
 * have them: the cursor of a list is the `id` of the last record, nothing is `null` where there are no
 * messages, and a session without messages has no memory.
 */
export async function startOldZep(
  records: OldRecords,
  misbehave: Misbehaviour = () => false,
): Promise<OldZep> {
  const seen: SeenRequest[] = [];
  const { users = [], sessions = [], messages = {}, summaries = {} } = records;

  function answer({ path, query }: SeenRequest): unknown {
    const limit = Number(query.get('limit'));
    const after = (list: Fields[]) =>
      list.filter(({ id }) => Number(id) > Number(query.get('cursor'))).slice(0, limit);
    if (path === '/api/v1/user') return after(users);
    if (path === '/api/v1/sessions') return after(sessions);
    const [, id = '', what] =
      /^\/api\/v1\/sessions\/(.+?)(?:\/(messages|memory))?$/.exec(path) ?? [];
    const session = sessions.find(({ session_id }) => session_id === decodeURIComponent(id));
    const all = messages[String(session?.session_id)] ?? [];
    if (what === undefined) return session;
    if (what === 'memory') {
      const summary = summaries[String(session?.session_id)];
      return all.length === 0
        ? undefined
        : { messages: all.slice(-Number(query.get('lastn'))), ...(summary && { summary }) };
    }
    const start = (Number(query.get('cursor')) - 1) * limit;
    const page = all.slice(start, start + limit);
    return page.length === 0
      ? null
      : { messages: page, total_count: all.length, row_count: page.length };
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const { authorization } = request.headers;
    const one = { path, query: new URLSearchParams(query), authorization };
    seen.push(one);
    if (misbehave(one, response)) return;
    const body = answer(one);
    if (body === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
  }

  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A message of the old server, with a uuid made of its number. */
export const oldMessage = (number: number, fields: Fields = {}): Fields => ({
  uuid: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
  created_at: new Date(Date.UTC(2023, 0, 1, 0, 0, number)).toISOString(),
  updated_at: '0001-01-01T00:00:00Z',
  role: number % 2 === 0 ? 'ai' : 'human',
  content: `message ${number}`,
  metadata: null,
  token_count: 3,
  ...fields,
});

/** A session of the old server. */
export const oldSession = (id: number, session_id: string, fields: Fields = {}): Fields => ({
  uuid: `00000000-0000-4000-9000-${String(id).padStart(12, '0')}`,
  id,
  created_at: new Date(Date.UTC(2022, 0, 1, 0, 0, id)).toISOString(),
  updated_at: '2023-01-01T00:00:00Z',
  deleted_at: null,
  session_id,
  metadata: null,
  user_id: null,
  ...fields,
});
