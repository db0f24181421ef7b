import { Agent, request } from 'node:http';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Servers } from './server-process.ts';
import { createServices, type Services, useOf } from './stores.ts';

/** What a run of `mcp-sessions import zep` came to. */
export interface ImportRun {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `mcp-sessions import zep` to its end. */
export async function runImport(
  servers: Servers,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ImportRun> {
  const run = servers.spawn({ args: ['import', 'zep', ...args], env });
  const { code } = await run.exited;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

/** Works on a file that was imported into, with the clock of today. */
export async function inFile<T>(
  file: string,
  work: (services: Services) => Promise<T>,
): Promise<T> {
  const store = await openSqliteStore(file, useOf());
  const services = createServices(store);
  services.clock.now = Date.now();
  try {
    return await work(services);
  } finally {
    await store.close();
  }
}

type Fields = Record<string, unknown>;

/** What is to be the same after an import: all that the first API shows, but for what is the server's own. */
export interface Records {
  users: Fields[];
  sessions: {
    session: Fields;
    messages: Fields[];
    summary: Fields | undefined;
  }[];
}

/** All records of a running server, through its first API, in the order of their identifiers. */
export async function readRecords(url: string): Promise<Records> {
  const sessions = await allOf(await listOf(url, 'session'), async (session) => {
    const path = sessionPath(session);
    const { messages, total_count } = (await get(url, `${path}/messages`)) as MessageList;
    if (messages.length !== total_count) throw new Error(`${path} has more messages than it lists`);
    const { summary } = (await get(url, `${path}/memory?lastn=1`)) as { summary?: Fields };
    return {
      session: withoutOwn(session),
      messages: messages.map(({ updated_at: _, ...message }) => message),
      summary: summary && (({ uuid: _, ...rest }) => rest)(summary),
    };
  });
  return { users: (await listOf(url, 'user')).map(withoutOwn), sessions };
}

/** All records of a running server, with the times of their last changes. */
export async function readChanges(url: string): Promise<unknown> {
  const sessions = await listOf(url, 'session');
  const messages = await allOf(sessions, (session) => get(url, `${sessionPath(session)}/messages`));
  return { users: await listOf(url, 'user'), sessions, messages };
}

/** Works on all of them at once; the agent below limits the requests. */
const allOf = <T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> =>
  Promise.all(items.map(work));

interface MessageList {
  messages: Fields[];
  total_count: number;
}

const sessionPath = ({ session_id }: Fields) =>
  `/sessions/${encodeURIComponent(String(session_id))}`;

async function listOf(url: string, kind: 'user' | 'session'): Promise<Fields[]> {
  const records = (await get(url, kind === 'user' ? '/user' : '/sessions')) as Fields[];
  const key = (record: Fields) => String(record[`${kind}_id`]);
  return records.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

const get = async (url: string, path: string): Promise<unknown> =>
  JSON.parse(await send(url, 'GET', `/api/v1${path}`));

/**
 * Sends a request, with its path as it is: `fetch` takes the segments `.` and `..` out.
 *
 * @returns the body of the answer
 * @throws Error when the answer is an error
 */
export function send(url: string, method: string, path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, path, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const { statusCode = 0 } = response;
        if (statusCode < 300) resolve(text);
        else reject(new Error(`${method} ${path} was answered ${statusCode}: ${text}`));
      });
    });
    sent.on('error', reject);
    if (body !== undefined) sent.setHeader('content-type', 'application/json');
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** A session or user without what is each server's own. */
const withoutOwn = ({ uuid: _, id: __, updated_at: ___, ...record }: Fields): Fields => record;
