import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { call } from '../support/call.ts';
import type { McpClient } from '../support/clients.ts';
import { RawStdio } from '../support/raw-stdio.ts';
import { Servers } from '../support/server-process.ts';
import { E2E_DATABASES, type E2eDatabase } from '../support/test-databases.ts';

/** A read, with arguments as hosts send them, and with those that they mean. */
type Read = [tool: string, sent: object, meant: object];

const S = { session_id: 's' };

const READS: Record<string, Read[]> = {
  'null stands for what is left out': [
    ['get_memory', { ...S, last_n: null, max_tokens: null, context_tokens: null }, S],
    ['list_messages', { ...S, order: null, from_seq: null, content_offset: null }, S],
    ['list_users', { query: null, metadata: null, deleted: null, page_size: null }, {}],
    ['list_sessions', { user_id: null, query: null, order_by: null }, {}],
    [
      'search_memory',
      { query: 'tea', neighbours: null, diverse: null, until: null },
      { query: 'tea' },
    ],
  ],
  'an empty text stands for what is left out': [
    ['list_messages', { ...S, cursor: '', from_seq: '' }, S],
    ['list_users', { cursor: '', limit: '', order_by: '' }, {}],
    ['list_sessions', { cursor: '', query: '', include_total: '' }, {}],
    ['search_memory', { query: 'tea', cursor: '', session_id: '' }, { query: 'tea' }],
    ['search_memory', { query: 'tea', since: '', until: '', user_id: '' }, { query: 'tea' }],
    ['get_memory', { ...S, last_n: '', context_tokens: '' }, S],
  ],
  'a number may be a text': [
    ['get_memory', { ...S, last_n: '1' }, { ...S, last_n: 1 }],
    ['list_messages', { ...S, limit: ' 1' }, { ...S, limit: 1 }],
    ['list_messages', { ...S, from_seq: '2' }, { ...S, from_seq: 2 }],
    ['search_memory', { query: 'tea', limit: '50' }, { query: 'tea', limit: 50 }],
    ['search_memory', { query: 'tea', neighbours: '1' }, { query: 'tea', neighbours: 1 }],
    ['list_users', { page_size: '1', page_number: '2' }, { page_size: 1, page_number: 2 }],
  ],
  'a boolean may be a text': [
    ['list_users', { include_total: 'true' }, { include_total: true }],
    ['list_users', { include_total: 'FALSE' }, { include_total: false }],
    ['list_sessions', { include_total: 'false ' }, { include_total: false }],
    ['list_messages', { ...S, include_total: 'True' }, { ...S, include_total: true }],
    ['search_memory', { query: 'tea', diverse: 'false' }, { query: 'tea', diverse: false }],
  ],
  'a value of an enumeration may be in any case': [
    ['list_messages', { ...S, order: 'Desc' }, { ...S, order: 'desc' }],
    ['list_users', { order: 'ASC' }, { order: 'asc' }],
    ['list_users', { deleted: 'Only' }, { deleted: 'only' }],
    ['list_sessions', { order_by: 'Updated_At' }, { order_by: 'updated_at' }],
    ['list_sessions', { deleted: ' EXCLUDE' }, { deleted: 'exclude' }],
  ],
  'metadata may be JSON text': [
    ['list_sessions', { metadata: '{"topic":"tea"}' }, { metadata: { topic: 'tea' } }],
    [
      'list_users',
      { metadata: ' {"tea": {"green": true}}' },
      { metadata: { tea: { green: true } } },
    ],
    ['search_memory', { query: 'tea', metadata: '{"a":1}' }, { query: 'tea', metadata: { a: 1 } }],
  ],
};

/** A change with metadata as JSON text, and where the answer has it. */
const CHANGES: [tool: string, args: object, record: string][] = [
  ['add_session', { session_id: 'new' }, 'session'],
  ['update_session_metadata', S, 'session'],
  ['add_user', { user_id: 'new' }, 'user'],
  ['update_user', { user_id: 'ada' }, 'user'],
];

/** E-mail addresses of all kinds: whatever has an @ with something on both sides. */
const ADDRESSES = [
  ...['почта@пример.рф', '用户@例子.广告', 'ada@[::1]', 'ada+tag@host', 'a@b@c', 'o’hara@x'],
  ...['very.long.name@an.even.longer.host.example', 'm@münchen.de', 'x@localhost', 'a b@c'],
];

for (const store of E2E_DATABASES) {
  const skipped = store.missing === undefined ? '' : ` (skipped: ${store.missing})`;
  describe.skipIf(store.missing !== undefined)(`tools in ${store.name}${skipped}`, () => {
    let database: E2eDatabase;
    let servers: Servers;
    let client: McpClient;

    beforeAll(async () => {
      database = store.open();
      servers = await Servers.open();
      client = await servers.connectStdio('v2', { env: database.env });
      await client.listTools();
      await call(client, 'add_user', { user_id: 'ada', metadata: { tea: { green: true } } });
      await call(client, 'add_user', { user_id: 'bob' });
      await call(client, 'add_session', { ...S, metadata: { topic: 'tea' } });
      const messages = ['I like tea', 'Which tea?', 'Green tea'].map((content, i) => ({
        ...{ role: i === 1 ? 'assistant' : 'user', content, metadata: { a: i } },
      }));
      await call(client, 'add_memory', { ...S, messages });
    });
    afterAll(async () => {
      await servers?.close();
      await database?.drop();
    });

    describe.each(Object.entries(READS))('%s:', (_, reads) => {
      it.each(reads)('%s with %j', async (tool, sent, meant) => {
        const answer = await call(client, tool, sent as Record<string, unknown>);
        expect(answer).toEqual(await call(client, tool, meant as Record<string, unknown>));
      });
    });

    it.each(CHANGES)('%s takes metadata as JSON text', async (tool, args, record) => {
      const metadata = '{"from":"text","deep":{"list":[1]}}';
      const answer = await call(client, tool, { ...args, metadata });
      expect(answer[record].metadata).toMatchObject({ from: 'text', deep: { list: [1] } });
    });

    it.each(ADDRESSES)('the address %j is stored as given', async (email) => {
      const { user } = await call(client, 'add_user', { user_id: `user ${email}`, email });
      expect(user.email).toBe(email);
    });
  });
}

describe('the first line over stdio', () => {
  it.each([
    ['a byte order mark', '\uFEFF'],
    ['a byte order mark and white space', '\uFEFF  '],
    ['a byte order mark and a line end', '\uFEFF\n'],
    ['an empty line', '\n'],
    ['white space', ' \t'],
    ['an empty line with a carriage return', '\r\n'],
  ])('may have %s before it', async (_, before) => {
    const servers = await Servers.open();
    try {
      const file = join(servers.directory, 'sessions.db');
      const raw = new RawStdio(servers.spawn({ env: { SESSIONS_DB: file } }));
      const answer = raw.answer(1);
      raw.write(`${before}${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}`);
      expect(await answer).toMatchObject({ id: 1, result: {} });
    } finally {
      await servers.close();
    }
  });
});
