import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { termsOf } from '../../../../src/search/analyzer.ts';
import { digestOf, quantize } from '../../../../src/search/vectors.ts';
import { purgeExpired } from '../../../../src/services/purge.ts';
import type { Store } from '../../../../src/store/port.ts';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { RETIRED_RANGES } from '../../../../src/store/sqlite/migrations/retired-ranges.ts';
import { indexTerms } from '../../../../src/store/sqlite/search/indexer.ts';
import { type Harness, harness } from '../../../support/stores.ts';

const DAY = 86_400_000;
const NOW = Date.parse('2100-01-01T00:00:00.000Z');
const caller = { namespace: 'n' };

/** A session, and the thread of its messages, as they were stored. */
interface Before {
  session_id: string;
  thread: number | null;
  base_seq?: number;
  user_id?: string;
  deleted_at?: number;
  user_deleted?: string;
  messages?: string[];
}

const ADA = { user_id: 'ada', uuid: 'uuid of ada', deleted_at: NOW - DAY };

const SESSIONS: Before[] = [
  { session_id: 'empty', thread: null },
  { session_id: 'live', thread: 3, messages: ['a fox', 'a red hen'] },
  { session_id: 'revived', thread: 4, base_seq: 2, messages: ['an owl'] },
  { session_id: 'deleted', thread: 5, deleted_at: NOW - DAY, messages: ['a dog'] },
  {
    ...{ session_id: 'of ada', thread: 6, user_id: 'ada', messages: ['a cat'] },
    ...{ deleted_at: NOW - DAY, user_deleted: ADA.uuid },
  },
  { session_id: 'of bob', thread: 7, user_id: 'bob', messages: ['a fox of bob'] },
];

/** Threads that sessions had left, or that were left by purged ones, with their messages. */
const LEFT = [
  { thread: 1, deleted_at: NOW - 2 * DAY, messages: ['a lost fox', 'a lost hen'] },
  { thread: 2, deleted_at: 0, messages: ['a purged fox'] },
  { thread: 9, deleted_at: NOW - 2 * DAY, messages: [] },
];

/** Writes a file as the version before retired ranges did. */
async function writeBefore(path: string): Promise<void> {
  const steps = MIGRATIONS.slice(0, MIGRATIONS.indexOf(RETIRED_RANGES));
  const database = await Database.open(path);
  const run = (sql: string, ...values: unknown[]) => database.prepare(sql).run(...values);
  for (const step of steps) {
    if (typeof step === 'string') database.exec(step);
    else step(database);
  }
  const owned = { namespace: 'n', user_id: null as string | null };
  const addMessages = (thread: number, base: number, contents: string[], { user_id } = owned) => {
    contents.forEach((content, i) => {
      const terms = termsOf({ role: 'user', content });
      const [id] = database
        .prepare(`INSERT INTO messages (thread, seq, uuid, role, content, metadata, token_count,
          created_at, updated_at, terms) VALUES (?, ?, ?, 'user', ?, '{"a":1}', 2, ?, ?, ?) RETURNING id`)
        .get(thread, base + 1 + i, `${content}!`, content, NOW, NOW, terms.join(' ')) as [number];
      if (content === 'a red hen') run('INSERT INTO unindexed (id) VALUES (?)', id);
      else indexTerms(database, id, { session: thread, namespace: 'n', user_id }, terms);
      const vector = quantize(new Float32Array([1, 2, 3]));
      run(`INSERT INTO vectors VALUES (?, 'm', ?, ?)`, id, digestOf(content), vector);
    });
    // Where a purge was cut off, there may be a summary of messages that are gone.
    const up_to_seq = base + Math.max(1, contents.length);
    const summary = [thread, `summary ${thread}`, `up to ${up_to_seq}`];
    run(
      'INSERT INTO summaries (thread, uuid, content, up_to_seq, created_at) VALUES (?, ?, ?, ?, ?)',
      ...[...summary, up_to_seq, NOW],
    );
  };
  for (const { thread, deleted_at, messages } of LEFT) {
    run('INSERT INTO threads (id, deleted_at) VALUES (?, ?)', thread, deleted_at);
    addMessages(thread, 0, messages);
  }
  for (const { session_id, thread, base_seq = 0, messages = [], ...rest } of SESSIONS) {
    const { user_id = null, deleted_at = null, user_deleted = null } = rest;
    if (thread !== null) {
      run('INSERT INTO threads (id) VALUES (?)', thread);
      addMessages(thread, base_seq, messages, { namespace: 'n', user_id });
    }
    run(
      `INSERT INTO sessions (namespace, session_id, uuid, user_id, metadata, created_at, updated_at,
        deleted_at, deleted_with_user, user_deleted, last_message_at, thread, base_seq, last_seq)
        VALUES ('n', ?, ?, ?, '{"kept":true}', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[session_id, `uuid of ${session_id}`, user_id, NOW, NOW, deleted_at],
      ...[user_deleted, user_deleted, NOW, thread, base_seq, base_seq + messages.length],
    );
  }
  for (const { user_id, uuid, deleted_at } of [ADA, { ...ADA, user_id: 'bob', deleted_at: null }]) {
    run(
      `INSERT INTO users (namespace, user_id, uuid, metadata, created_at, updated_at, deleted_at)
        VALUES ('n', ?, ?, '{}', ?, ?, ?)`,
      ...[user_id, uuid, NOW, NOW, deleted_at],
    );
  }
  database.exec(`PRAGMA user_version = ${steps.length}`);
  database.close();
}

describe('a file from when messages belonged to threads', () => {
  let folder: string;
  let path: string;
  let store: Store;
  let at: Harness;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    path = join(folder, 'sessions.db');
    await writeBefore(path);
    store = await openSqliteStore(path);
    at = harness(store);
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const contents = async (session_id: string) =>
    (await at.memory.list(caller, session_id, { order: 'asc' })).messages.map(
      ({ seq, content }) => [seq, content],
    );
  const add = (session_id: string, content: string) =>
    at.memory.add(caller, session_id, [{ role: 'user', content }]);
  const found = async (query: string, scope: { session_id?: string; user_id?: string } = {}) =>
    (await at.search.search(caller, { query, ...scope })).hits.map(
      ({ message }) => message.content,
    );
  async function counts(...tables: string[]): Promise<number[]> {
    const database = await Database.open(path);
    const all = tables.map((table) =>
      Number(database.prepare(`SELECT count(*) FROM ${table}`).get()?.[0]),
    );
    database.close();
    return all;
  }

  it('shows sessions, messages and summaries as before', async () => {
    expect(await contents('live')).toStrictEqual([
      [1, 'a fox'],
      [2, 'a red hen'],
    ]);
    expect(await contents('revived')).toStrictEqual([[3, 'an owl']]);
    expect(await contents('of bob')).toStrictEqual([[1, 'a fox of bob']]);
    expect(await contents('empty')).toStrictEqual([]);
    expect((await at.memory.get(caller, 'revived')).summary?.content).toBe('up to 3');
    const [message] = (await at.memory.list(caller, 'live', { order: 'asc' })).messages;
    expect(message).toMatchObject({ uuid: 'a fox!', metadata: { a: 1 }, token_count: 2 });
    expect(await at.sessions.get(caller, 'revived')).toStrictEqual({
      ...{ session_id: 'revived', uuid: 'uuid of revived', metadata: { kept: true } },
      ...{ created_at: new Date(NOW).toISOString(), updated_at: new Date(NOW).toISOString() },
      ...{ message_count: 1, last_message_at: new Date(NOW).toISOString() },
    });
    const all = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
    const { records } = await at.sessions.list(caller, all);
    expect(records.map(({ session_id }) => session_id)).toStrictEqual([
      'empty',
      'live',
      'of bob',
      'revived',
    ]);
  });

  it('is searched as before', async () => {
    expect((await found('fox')).slice(0, 2).sort()).toStrictEqual(['a fox', 'a fox of bob']);
    expect((await found('fox', { session_id: 'live' }))[0]).toBe('a fox');
    expect((await found('hen'))[0]).toBe('a red hen');
    for (const query of ['lost', 'purged', 'dog', 'cat'])
      expect(await found(query)).toStrictEqual([]);
    expect(await found('fox', { user_id: 'bob' })).toStrictEqual(['a fox of bob']);
    const query = { model: 'm', limit: 10 };
    const { vectors } = await store.vectors.newest('n', { session_id: 'live' }, query);
    expect(vectors.map(({ place }) => place.seq)).toStrictEqual([2, 1]);
    expect((await store.vectors.newest('n', {}, query)).vectors).toHaveLength(4);
  });

  it('restores what was deleted', async () => {
    expect(await at.sessions.restore(caller, 'deleted')).toMatchObject({ messages: 1 });
    expect(await contents('deleted')).toStrictEqual([[1, 'a dog']]);
    await at.users.restore(caller, 'ada');
    expect(await contents('of ada')).toStrictEqual([[1, 'a cat']]);
    expect(await at.sessions.restore(caller, 'revived')).toMatchObject({ messages: 0 });
  });

  it('gives no session the number of one whose messages are still there', async () => {
    await add('new', 'a crow');
    await add('empty', 'a rat');
    expect(await contents('new')).toStrictEqual([[1, 'a crow']]);
    expect(await contents('empty')).toStrictEqual([[1, 'a rat']]);
    const database = await Database.open(path);
    const numbers = database.prepare('SELECT id FROM sessions ORDER BY id').all().flat();
    expect(numbers).toStrictEqual([3, 4, 5, 6, 7, 10, 11]);
    expect(database.prepare('PRAGMA integrity_check').all()).toStrictEqual([['ok']]);
    database.close();
  });

  it('keeps what was left by a revival until its purge time, and then leaves nothing of it', async () => {
    const cutoff = (days: number) => new Date(NOW - days * DAY).toISOString();
    expect(await store.countExpired(cutoff(7))).toMatchObject({ messages: 1 });
    expect(await purgeExpired(store, { cutoff: cutoff(7) })).toMatchObject({ messages: 1 });
    expect(await purgeExpired(store, { cutoff: cutoff(2) })).toMatchObject({ messages: 2 });
    expect(await counts('messages', 'vectors', 'retired_ranges')).toStrictEqual([6, 6, 0]);
    const { sessions, messages } = await purgeExpired(store, { cutoff: cutoff(0) });
    expect([sessions, messages]).toStrictEqual([2, 2]);
    expect(await counts('messages', 'vectors', 'summaries')).toStrictEqual([4, 4, 3]);
  });

  it('revives, and puts back, as any other', async () => {
    await at.sessions.delete(caller, 'revived');
    expect(await add('revived', 'a crow')).toMatchObject({
      messages: [{ seq: 4 }],
      revival: { deleted_message_count: 1 },
    });
    await at.sessions.restore(caller, 'revived');
    expect(await contents('revived')).toStrictEqual([
      [3, 'an owl'],
      [4, 'a crow'],
    ]);
    expect((await found('owl', { session_id: 'revived' }))[0]).toBe('an owl');
  });
});
