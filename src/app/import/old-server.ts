import { z } from 'zod';
import { isObject } from '../../domain/metadata.ts';
import { type Client, type ClientOptions, createClient, type Scheme } from './client.ts';
import { SourceError } from './error.ts';
import {
  cursorPages,
  type NumberedPage,
  numberedPages,
  type PagingEvents,
  type RawRecord,
} from './paging.ts';

/** The generations of the API. */
export type Api = 'v1' | 'v2';

/** What the old server has of a session beside its messages. */
export interface SessionEnd {
  /** The uuid of the last message. */
  last: unknown;
  summary: RawRecord | undefined;
}

/** A server whose records are read through its own API. Every method throws `SourceError`. */
export interface OldServer {
  readonly url: string;
  readonly api: Api;
  /** All users, page by page. */
  users(events: PagingEvents): AsyncGenerator<RawRecord[]>;
  /** All sessions, page by page. */
  sessions(events: PagingEvents): AsyncGenerator<RawRecord[]>;
  /** The messages of a session, oldest first, page by page. */
  messages(sessionId: string, events: PagingEvents): AsyncGenerator<RawRecord[]>;
  countMessages(sessionId: string): Promise<number>;
  end(sessionId: string): Promise<SessionEnd>;
  user(userId: string): Promise<RawRecord | undefined>;
  session(sessionId: string): Promise<RawRecord | undefined>;
  close(): void;
}

const SCHEMES: Readonly<Record<Api, Scheme>> = { v1: 'Bearer', v2: 'Api-Key' };

const record = z.custom<RawRecord>(isObject);

/** Some servers answer `null` where there is nothing. */
const records = z.array(record).nullish();

const messagePage = z
  .object({ messages: records, total_count: z.number().nullish() })
  .nullable()
  .transform((page) => ({ records: page?.messages ?? [], total: page?.total_count ?? 0 }));

const memory = z.object({ messages: records, summary: record.nullish() });

/**
 * Finds out which generation of the API a server has, and reads it from then on.
 *
 * @param api the generation, if it is known
 * @throws SourceError when the server cannot be reached, refuses the key, or is no such server
 */
export async function connect(options: ClientOptions, api: Api | undefined): Promise<OldServer> {
  const client = createClient(options);
  try {
    return oldServer(client, api === undefined ? await findApi(client) : await probe(client, api));
  } catch (error) {
    client.close();
    const isElsewhere = error instanceof SourceError && error.problem === 'not_found';
    if (!isElsewhere) throw error;
    throw new SourceError('not_found', `${error.message} Check --url and --api.`, error.status);
  }
}

async function findApi(client: Client): Promise<Api> {
  const problems: SourceError[] = [];
  for (const api of ['v2', 'v1'] as const) {
    try {
      return await probe(client, api);
    } catch (error) {
      const isOther =
        error instanceof SourceError &&
        ['not_found', 'refused', 'foreign', 'unauthorized'].includes(error.problem);
      if (!isOther) throw error;
      problems.push(error);
    }
  }
  // A wrong key and a redirect are the same for both.
  const told = problems.find(
    ({ problem, status = 0 }) => problem === 'unauthorized' || (status >= 300 && status < 400),
  );
  throw (
    told ??
    new SourceError(
      'foreign',
      `${client.url} does not answer as a Zep server, neither at /api/v2 nor at /api/v1 (${problems.map(shortly).join('; ')}). Check --url.`,
    )
  );
}

const shortly = ({ problem, status }: SourceError): string =>
  problem === 'foreign' ? 'answered with something else' : `answered ${status}`;

/** Reads the first session, if there is one. */
async function probe(client: Client, api: Api): Promise<Api> {
  const { pages } = lists(client, api);
  for await (const [first] of pages('sessions', 'session_id', { onTooLong() {}, onMissing() {} })) {
    if (first !== undefined && typeof first.session_id !== 'string') throw foreign(client, api);
    break;
  }
  return api;
}

const foreign = ({ url }: Client, api: Api) =>
  new SourceError(
    'foreign',
    `${url} answered with JSON that is not of the API ${api} of Zep. Check --url, and --api if you gave it.`,
  );

/** The lists of sessions and users, which each generation pages in its own way. */
function lists(client: Client, api: Api) {
  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const parsed = schema.safeParse(await client.get(`/api/${api}${path}`, SCHEMES[api]));
    if (!parsed.success) throw foreign(client, api);
    return parsed.data;
  };

  const pages = (kind: 'sessions' | 'users', key: string, events: PagingEvents) => {
    if (api === 'v1') {
      const list = z.array(record);
      const path = kind === 'users' ? '/user' : '/sessions';
      return cursorPages(
        (limit, cursor) => get(`${path}?limit=${limit}&cursor=${cursor}`, list),
        key,
      );
    }
    const page = z.object({ [kind]: records, total_count: z.number() });
    const read = async (number: number, size: number): Promise<NumberedPage> => {
      // Servers know one spelling or the other. Identifiers order sessions without ties.
      const order = kind === 'sessions' ? '&order_by=session_id&asc=true' : '';
      const query = `page_number=${number}&page_size=${size}&pageNumber=${number}&pageSize=${size}`;
      const found = await get(`/${kind}-ordered?${query}${order}`, page);
      return { records: (found[kind] ?? []) as RawRecord[], total: found.total_count as number };
    };
    return numberedPages(read, events);
  };

  return { get, pages };
}

function oldServer(client: Client, api: Api): OldServer {
  const { get, pages } = lists(client, api);
  const sessionPath = (sessionId: string) => `/sessions/${segment(sessionId)}`;
  const users = api === 'v1' ? '/user' : '/users';

  const messagesOf = (sessionId: string, page: number, size: number): Promise<NumberedPage> =>
    get(`${sessionPath(sessionId)}/messages?limit=${size}&cursor=${page}`, messagePage);

  return {
    url: client.url,
    api,
    users: (events) => pages('users', 'user_id', events),
    sessions: (events) => pages('sessions', 'session_id', events),
    messages: (sessionId, events) =>
      numberedPages((page, size) => messagesOf(sessionId, page, size), events),
    countMessages: async (sessionId) => (await messagesOf(sessionId, 1, 1)).total,
    async end(sessionId) {
      // A session without messages has no memory with some servers.
      const found = await get(`${sessionPath(sessionId)}/memory?lastn=1`, memory).catch(missing);
      const { messages, summary } = found ?? {};
      return { last: messages?.at(-1)?.uuid, summary: summary ?? undefined };
    },
    user: (userId) => get(`${users}/${segment(userId)}`, record).catch(missing),
    session: (sessionId) => get(sessionPath(sessionId), record).catch(missing),
    close: client.close,
  };
}

function missing(error: unknown): undefined {
  if (!(error instanceof SourceError) || error.problem !== 'not_found') throw error;
}

/**
 * An identifier as a segment of a path. Servers of the first generation do not decode what they would not
 * have encoded themselves: these characters stay as they are, except for the slash.
 */
const segment = (identifier: string) =>
  encodeURIComponent(identifier)
    .replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, decodeURIComponent)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
