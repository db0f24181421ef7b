import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TOOLS } from '../../src/mcp/tools/index.ts';
import type { McpClient } from '../support/clients.ts';
import { EVERY_TOOLSET } from '../support/offered.ts';
import { Servers } from '../support/server-process.ts';

/** The most text that any tool may answer with, in bytes. */
const ANSWER_MAX_BYTES = 100_000;

const MEGABYTE = 1024 * 1024;

/** JSON writes it in six bytes. */
const CONTROL = '\u0001';

/** The longest identifier: JSON escapes nothing else of what identifiers may have. */
const worst = (tail: string) => '"'.repeat(1024 - tail.length) + tail;

const USER = worst('user');
const FULL = worst('full');
const LONG = worst('long');

/** As large as metadata may be. */
const HUGE = { text: CONTROL.repeat(Math.floor((262_144 - '{"text":""}'.length) / 6)) };
/** About the largest that answers still show. */
const SHOWN = { text: CONTROL.repeat(Math.floor(7_980 / 6)) };

const NAMES = { first_name: CONTROL.repeat(1024), last_name: CONTROL.repeat(1024) };
const EMAIL = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.example.org`;

const largeMessage = (metadata = SHOWN) => ({
  role: CONTROL.repeat(64),
  content: `word ${CONTROL.repeat(6_000)}`,
  metadata,
});

let servers: Servers;
let client: McpClient;

beforeAll(async () => {
  servers = await Servers.open();
  client = await servers.connectStdio('v2', { args: EVERY_TOOLSET });
  await client.listTools();
});
afterAll(() => servers?.close());

async function call(tool: string, args: Record<string, unknown> = {}) {
  const { isError, text, content } = await client.callTool(tool, args);
  expect(isError, text.slice(0, 1000)).toBe(false);
  return content;
}

async function addMessages(session_id: string, messages: object[]) {
  return (await call('add_memory', { session_id, messages })).messages;
}

/** Every record of a list, by its cursor. */
async function everything(tool: string, kind: string, args: Record<string, unknown>) {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into records of many shapes
  const records: any[] = [];
  let cursor: string | undefined;
  do {
    const answer = await call(tool, { ...args, ...(cursor !== undefined && { cursor }) });
    records.push(...answer[kind]);
    cursor = answer.next_cursor;
  } while (cursor !== undefined);
  return records;
}

describe('what a tool answers with at most', () => {
  let uuid: string;
  /** As many as a call takes for the source of its facts. */
  let uuids: string[];
  let fact: string;

  beforeAll(async () => {
    await call('add_user', { user_id: USER, email: EMAIL, ...NAMES, metadata: SHOWN });
    for (let count = 0; count < 12; count++) {
      await call('add_user', { user_id: worst(`${count}`), ...NAMES, metadata: SHOWN });
      const session_id = worst(`${count}`);
      await call('add_session', { session_id, user_id: USER, metadata: SHOWN });
    }
    await call('add_session', { session_id: FULL, user_id: USER, metadata: SHOWN });
    const [first] = await addMessages(FULL, Array(100).fill(largeMessage()));
    const more = await addMessages(FULL, Array(100).fill(largeMessage()));
    uuid = first.uuid;
    uuids = more.map((one: { uuid: string }) => one.uuid).slice(0, 20);
    const source = { session_id: FULL, uuids };
    const known = await call('add_facts', {
      user_id: USER,
      facts: worstFacts('').slice(0, 1),
      source,
    });
    fact = known.facts[0].uuid;
    const content = `${CONTROL.repeat(MEGABYTE - 5)} word`;
    await addMessages(LONG, Array(2).fill({ ...largeMessage(HUGE), content }));
    const summary = CONTROL.repeat(Math.floor(16_384 / 6));
    await call('set_summary', { session_id: FULL, content: summary, up_to_seq: 1 });
    await call('set_summary', { session_id: LONG, content: summary, up_to_seq: 1 });
  });

  /** As many facts as a call takes, each with names, predicate and sentence of the most bytes of JSON. */
  const worstFacts = (kind: string) =>
    Array.from({ length: 100 }, (_, i) => ({
      subject: `${'"'.repeat(250)}${kind}${i}`,
      predicate: '"'.repeat(128),
      object: `${'"'.repeat(248)}o${kind}${i}`,
      fact: `word ${CONTROL.repeat(2030)} ${kind}${i}`,
    }));

  const thousand = () => Array.from({ length: 1000 }, () => ({ role: 'u', content: '' }));
  const named = (list: { role: string; content: string }[]) =>
    list.map((message) => ({ ...message, uuid: randomUUID() }));

  /** For every tool, the calls with the longest answers, in the order of the catalogue. */
  const WORST: Record<string, () => Record<string, unknown>[]> = {
    add_session: () => [
      { session_id: worst('a'), user_id: USER, metadata: HUGE },
      { session_id: worst('b'), user_id: USER, metadata: SHOWN },
    ],
    get_session: () => [{ session_id: worst('a') }, { session_id: worst('b') }],
    list_sessions: () => [
      { limit: 1000, include_total: true },
      { page_size: 1000 },
      { user_id: USER, limit: 1000 },
    ],
    update_session: () => [
      { session_id: worst('a'), user_id: USER },
      { session_id: worst('b'), title: '"'.repeat(1024) },
    ],
    update_session_metadata: () => [
      { session_id: worst('a'), metadata: HUGE },
      { session_id: worst('b'), metadata: {} },
    ],
    delete_session: () => [{ session_id: worst('a') }, { session_id: worst('b') }],
    restore_session: () => [{ session_id: worst('a') }, { session_id: worst('b') }],
    add_memory: () => [
      { session_id: worst('c'), messages: thousand() },
      { session_id: worst('c'), messages: named(thousand()) },
    ],
    get_memory: () => [
      { session_id: FULL },
      { session_id: FULL, last_n: 200 },
      { session_id: LONG, last_n: 200 },
      { session_id: worst('c'), last_n: 200 },
    ],
    list_messages: () => [
      { session_id: FULL, limit: 1000, include_total: true },
      { session_id: FULL, page_size: 1000, order: 'desc' },
      { session_id: LONG, limit: 1000 },
      { session_id: LONG, limit: 1000, content_offset: 5 },
      { session_id: worst('c'), limit: 1000 },
    ],
    search_memory: () => [
      { query: 'word', user_id: USER, limit: 100, neighbours: 5 },
      { query: 'word', session_id: FULL, limit: 100 },
      { query: 'word', session_id: LONG, neighbours: 5 },
    ],
    update_message_metadata: () => [
      { session_id: FULL, uuid, metadata: {} },
      { session_id: FULL, uuid, metadata: HUGE },
    ],
    set_summary: () => [
      { session_id: FULL, content: CONTROL.repeat(2_730), up_to_seq: 2 },
      { session_id: FULL, content: 'x'.repeat(16_384), up_to_seq: 2 },
    ],
    delete_messages: () => [{ session_id: FULL, uuids: [uuid] }],
    restore_messages: () => [{ session_id: FULL, uuids: [uuid] }],
    add_user: () => [{ user_id: worst('a'), email: EMAIL, ...NAMES, metadata: HUGE }],
    get_user: () => [{ user_id: USER }, { user_id: worst('a') }],
    list_users: () => [{ limit: 1000, include_total: true }, { page_size: 1000 }],
    update_user: () => [
      { user_id: USER, ...NAMES, metadata: {} },
      { user_id: USER, metadata: HUGE },
    ],
    delete_user: () => [{ user_id: USER }],
    restore_user: () => [{ user_id: USER }],
    add_facts: () => [
      { user_id: USER, facts: worstFacts('a'), source: { session_id: FULL, uuids } },
      { user_id: USER, facts: worstFacts('a') },
      { user_id: USER, facts: worstFacts('b').map((fact) => ({ ...fact, subject: '"' })) },
      { user_id: USER, facts: worstFacts('c').map((fact) => ({ ...fact, subject: '"' })) },
    ],
    search_facts: () => [
      { user_id: USER, limit: 1000 },
      { user_id: USER, limit: 1000, query: 'word' },
      { user_id: USER, limit: 1000, entity: '"', include_ended: true },
    ],
    get_entity: () => [{ user_id: USER, name: '"', limit: 1000 }],
    update_fact: () => [{ user_id: USER, uuid: fact, fact: `x${CONTROL.repeat(2047)}` }],
    delete_facts: () => [{ user_id: USER, uuids: [fact] }],
    delete_entity: () => [{ user_id: USER, name: '"' }],
    restore_facts: () => [{ user_id: USER, uuids: [fact] }],
  };

  it.each(TOOLS.map(({ name }) => name))('is 100,000 bytes: %s', async (tool) => {
    const calls = WORST[tool]?.() ?? [];
    expect(calls.length).toBeGreaterThan(0);
    for (const args of calls) {
      const { isError, text } = await client.callTool(tool, args);
      expect(isError, text.slice(0, 1000)).toBe(false);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(ANSWER_MAX_BYTES);
    }
  });

  const LONG_KEYS = Object.fromEntries(
    Array.from({ length: 9 }, (_, i) => [`${CONTROL.repeat(100_000)}${i}`, 1]),
  );
  const message = { role: 'user', content: 'x' };

  it.each<[what: string, tool: string, args: () => Record<string, unknown>]>([
    ['a taken identifier', 'add_session', () => ({ session_id: FULL })],
    ['a taken user', 'add_user', () => ({ user_id: USER })],
    ['an unknown identifier', 'get_memory', () => ({ session_id: worst('?') })],
    ['an unknown user', 'add_session', () => ({ session_id: '?', user_id: worst('?') })],
    ['unknown arguments', 'list_users', () => LONG_KEYS],
    ['a long choice', 'list_users', () => ({ order: CONTROL.repeat(MEGABYTE) })],
    ['a long uuid', 'update_message_metadata', () => ({ uuid: 'x'.repeat(MEGABYTE) })],
    ['bad messages', 'add_memory', () => ({ messages: Array(1000).fill({ role: 7 }) })],
    [
      'unknown keys in messages',
      'add_memory',
      () => ({ session_id: '?', messages: [{ ...message, ...LONG_KEYS }] }),
    ],
  ])('is a few lines when it refuses %s', async (_what, tool, args) => {
    const { isError, text } = await client.callTool(tool, args());
    expect(isError).toBe(true);
    expect(Buffer.byteLength(text)).toBeLessThan(4_000);
  });

  it('is what prompts keep to, too', async () => {
    for (const session_id of [FULL, LONG]) {
      for (const prompt of ['resume_session', 'summarize_session']) {
        const text = await client.getPrompt(prompt, { session_id });
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(ANSWER_MAX_BYTES);
      }
    }
  });
});

describe('what an answer left out', () => {
  /** Pieces that end in the middle of something if they are cut without care. */
  const AWKWARD = `🦊é${CONTROL}"\\`;
  const CONTENT = `x${AWKWARD.repeat(Math.floor((MEGABYTE - 1) / Buffer.byteLength(AWKWARD)))}`;

  it('of a content of 1 MiB is reached by its offset, to the last character', async () => {
    const session_id = randomUUID();
    await addMessages(session_id, [
      { role: 'user', content: 'before' },
      { role: 'user', content: CONTENT },
    ]);
    let text = '';
    let content_offset: number | undefined;
    do {
      const { messages } = await call('list_messages', {
        ...{ session_id, from_seq: 2, limit: 1 },
        ...(content_offset !== undefined && { content_offset }),
      });
      const [message] = messages;
      expect(message.content_length).toBe(CONTENT.length);
      expect(message.content.isWellFormed()).toBe(true);
      text += message.content;
      content_offset = message.next_content_offset;
    } while (content_offset !== undefined);
    expect(text === CONTENT).toBe(true);
  });

  it('goes on where it ended, from an offset in the middle of a character, too', async () => {
    const session_id = randomUUID();
    const content = `x${'🦊'.repeat(20_000)}`;
    await addMessages(session_id, [{ role: 'user', content }]);
    const { messages } = await call('list_messages', { session_id, content_offset: 2 });
    const [message] = messages;
    expect(message.content.isWellFormed()).toBe(true);
    const end = message.next_content_offset;
    expect(content.slice(0, end).endsWith(message.content)).toBe(true);
    const rest = await call('list_messages', { session_id, content_offset: end });
    expect(content.slice(end).startsWith(rest.messages[0].content)).toBe(true);
  });

  it('is nothing, from an offset behind the end', async () => {
    const session_id = randomUUID();
    await addMessages(session_id, [{ role: 'user', content: '🦊' }]);
    const { messages } = await call('list_messages', { session_id, content_offset: 10 });
    expect(messages).toMatchObject([{ content: '', content_length: 2 }]);
    expect(messages[0]).not.toHaveProperty('next_content_offset');
  });

  it('of metadata says how large it is, and the resource of the record has it', async () => {
    const user_id = randomUUID();
    const session_id = randomUUID();
    const { user } = await call('add_user', { user_id, metadata: HUGE });
    const { session } = await call('add_session', { session_id, metadata: HUGE });
    for (const [record, kind, uri] of [
      [user, 'user', `user://${user_id}`],
      [session, 'session', `session://${session_id}`],
    ] as const) {
      expect(record).not.toHaveProperty('metadata');
      expect(record.metadata_omitted_bytes).toBe(JSON.stringify(HUGE).length);
      const read = JSON.parse(await client.readResource(uri))[kind];
      expect(read.metadata).toEqual(HUGE);
      expect(read).not.toHaveProperty('metadata_omitted_bytes');
    }
  });

  it("of a message's metadata is in some resource of its session", async () => {
    const session_id = randomUUID();
    const metadata = { mark: randomUUID(), text: 'x'.repeat(200_000) };
    const [{ uuid }] = await addMessages(session_id, [{ role: 'user', content: 'x', metadata }]);
    const { messages } = await call('list_messages', { session_id });
    expect(messages[0].metadata_omitted_bytes).toBe(JSON.stringify(metadata).length);
    const values: Record<string, string> = { session_id, uuid, seq: '1' };
    const templates = (await client.listResourceTemplates()).map(({ uriTemplate }) => uriTemplate);
    const texts = await Promise.all(
      templates
        .filter((template) => template.startsWith('session://'))
        .map((template) => template.replace(/\{\?.*\}$/, ''))
        .map((template) => template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? ''))
        .map((uri) => client.readResource(uri)),
    );
    expect(texts.some((text) => text.includes(metadata.mark))).toBe(true);
  });

  it('of a list is reached by its cursor, though the pages end early', async () => {
    const session_id = worst('pages');
    for (let count = 0; count < 3; count++) {
      await addMessages(session_id, Array(10).fill(largeMessage()));
    }
    const first = await call('list_messages', { session_id, limit: 1000 });
    expect(first.messages.length).toBeLessThan(30);
    const all = await everything('list_messages', 'messages', { session_id, limit: 1000 });
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));

    const recent = await call('get_memory', { session_id, last_n: 20 });
    expect(recent.messages.length + recent.omitted_message_count).toBe(20);
    expect(recent.messages.length + recent.older_message_count).toBe(30);
    expect(recent.messages.at(-1).seq).toBe(30);
  });
});

describe('a server with 100 MB of memory', () => {
  let small: McpClient;
  beforeEach(async () => {
    const env = { NODE_OPTIONS: '--max-old-space-size=100' };
    small = await servers.connectStdio('v2', { env });
  });
  afterEach(() => small.close());

  it('reads about as much of a session of 120 MB as it answers with', async () => {
    const session_id = randomUUID();
    const content = 'x'.repeat(MEGABYTE);
    for (let count = 0; count < 8; count++) {
      await addMessages(session_id, Array(15).fill({ role: 'user', content }));
    }
    for (const [tool, args] of [
      ['get_memory', {}],
      ['get_memory', { last_n: 200 }],
      ['list_messages', {}],
      ['list_messages', { limit: 1000 }],
      ['list_messages', { page_size: 1000, order: 'desc' }],
    ] as const) {
      const { isError, text } = await small.callTool(tool, { session_id, ...args });
      expect(isError, text.slice(0, 1000)).toBe(false);
    }
    expect(await small.readResource(`session://${session_id}/messages`)).toContain('goes on at');
  });

  it('lists 300 sessions with 75 MB of metadata', async () => {
    const metadata = { text: 'x'.repeat(262_000) };
    for (let count = 0; count < 30; count++) {
      const ten = Array.from({ length: 10 }, () => ({ session_id: randomUUID(), metadata }));
      await Promise.all(ten.map((session) => call('add_session', session)));
    }
    const { isError, text, content } = await small.callTool('list_sessions', { limit: 300 });
    expect(isError, text.slice(0, 1000)).toBe(false);
    expect(content.sessions.length).toBeGreaterThan(0);
  });
});

describe('an answer of every day', () => {
  it('is small: what goes on from a session of 1,000 short messages', async () => {
    const session_id = 'plain';
    const messages = Array.from({ length: 1000 }, (_, i) => ({
      role: i % 2 === 0 ? 'user' : 'assistant',
      content: `This is turn ${i + 1} of a conversation as people have it, a sentence long.`,
    }));
    await addMessages(session_id, messages);
    const { text, content } = await client.callTool('get_memory', { session_id });
    expect(content.messages).toHaveLength(12);
    expect(Buffer.byteLength(text)).toBeLessThan(10_000);
  });
});
