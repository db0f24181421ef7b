import { randomUUID } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { harness } from '../../../support/stores.ts';

const caller = { namespace: 'n' };

/** What only this adapter has to do: the file, its schema, and the writers who share it. */
describe('the embedded store', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    path = join(folder, 'new', 'sessions.db');
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('makes its folder and its file, which nobody else can read', async () => {
    const store = await openSqliteStore(path);
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(statSync(join(folder, 'new')).mode & 0o077).toBe(0);
    await store.close();
  });

  it('keeps everything in one file once it is closed', async () => {
    const store = await openSqliteStore(path);
    await harness(store).sessions.add(caller, { session_id: 's' });
    await store.close();
    expect(existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 0).toBe(false);
    const again = await openSqliteStore(path);
    expect(await harness(again).sessions.get(caller, 's')).toBeDefined();
    await again.close();
  });

  it('flushes every commit to disk, in a write-ahead log', async () => {
    const connection = await Connection.open(path, MIGRATIONS);
    expect(connection.statement('PRAGMA synchronous').get()).toStrictEqual([2]);
    expect(connection.statement('PRAGMA journal_mode').get()).toStrictEqual(['wal']);
    await connection.close();
  });

  it('lists what was deleted, in a file from before the sessions of deleted users were set apart', async () => {
    mkdirSync(dirname(path));
    const database = await Database.open(path);
    const before = MIGRATIONS.slice(0, 4);
    for (const step of before) if (typeof step === 'string') database.exec(step);
    const insert = `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at,
      updated_at, deleted_at, user_deleted) VALUES ('n', ?, ?, '{}', 1, 1, ?, ?)`;
    const rows = [
      ['live', null, null],
      ['deleted', 2, null],
      ['deleted with its user', 2, 'user'],
    ];
    for (const [id, ...rest] of rows) database.prepare(insert).run(id, id, ...rest);
    database.exec(`PRAGMA user_version = ${before.length}`);
    database.close();
    const store = await openSqliteStore(path);
    const listed = async (deleted: 'only' | 'exclude') => {
      const order = { order_by: 'created_at', order: 'desc' } as const;
      const page = await harness(store).sessions.list(caller, { ...order, deleted });
      return page.records.map(({ session_id }) => session_id);
    };
    expect(await listed('only')).toStrictEqual(['deleted']);
    expect(await listed('exclude')).toStrictEqual(['live']);
    await store.close();
  });

  it('refuses a file of a newer version, and says what to do', async () => {
    await (await openSqliteStore(path)).close();
    const database = await Database.open(path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('newer version'),
    });
  });

  it("refuses another program's database, and changes nothing in it", async () => {
    mkdirSync(dirname(path));
    const database = await Database.open(path);
    database.exec('CREATE TABLE sessions (x TEXT); CREATE TABLE threads (x TEXT)');
    database.exec('PRAGMA user_version = 77');
    await expect(openSqliteStore(path)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('some other program'),
    });
    expect(database.prepare('PRAGMA journal_mode').get()).toStrictEqual(['delete']);
    database.close();
  });

  it.each([
    ['removed', (file: string) => rmSync(file)],
    ['replaced', (file: string) => renameSync(`${file}-copy`, file)],
  ])('answers no change that would be in a file which was %s', async (_, lose) => {
    const store = await openSqliteStore(path);
    const at = harness(store);
    await at.sessions.add(caller, { session_id: 'before' });
    await store.ping();
    copyFileSync(path, `${path}-copy`);
    lose(path);
    const lost = { code: 'UNAVAILABLE', message: expect.stringContaining('removed or replaced') };
    await expect(at.sessions.add(caller, { session_id: 's' })).rejects.toMatchObject(lost);
    await expect(store.ping()).rejects.toMatchObject(lost);
    await store.close();
  });

  it('leaves the file alone that has taken the place of its own', async () => {
    const before = await openSqliteStore(path);
    await harness(before).sessions.add(caller, { session_id: 'before' });
    await before.close();
    copyFileSync(path, `${path}-copy`);
    const adding = await openSqliteStore(path);
    const many = Array.from({ length: 900 }, (_, i) => ({ role: 'user', content: `indexed ${i}` }));
    await harness(adding).memory.add(caller, 'many', many);
    await adding.close();
    const lost = await openSqliteStore(path);
    renameSync(`${path}-copy`, path);
    // Time for what it would index now.
    await delay(150);
    const store = await openSqliteStore(path);
    const at = harness(store);
    const add = (id: string) => at.sessions.add(caller, { session_id: id });
    for (let i = 0; i < 50; i++) await add(`s${i}`);
    await expect(harness(lost).sessions.add(caller, { session_id: 's' })).rejects.toThrow(
      'replaced',
    );
    await lost.close();
    await add('after');
    await store.close();
    const again = await openSqliteStore(path);
    expect(await harness(again).sessions.complete(caller, 's', 100)).toHaveLength(50);
    expect(await harness(again).sessions.get(caller, 'after')).toBeDefined();
    await again.close();
    const file = await Database.open(path);
    expect(file.prepare('PRAGMA integrity_check').all()).toStrictEqual([['ok']]);
    file.close();
  });

  it('answers no change that waited for another process while the file went', async () => {
    const store = await openSqliteStore(path);
    const other = await Database.open(path);
    other.exec('BEGIN IMMEDIATE');
    const adding = harness(store).sessions.add(caller, { session_id: 's' });
    const refused = expect(adding).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await delay(50);
    rmSync(path);
    other.exec('COMMIT');
    other.close();
    await refused;
    await store.close();
  });

  it('leaves nothing in the file, nor in its log, of what was purged', async () => {
    const store = await openSqliteStore(path);
    const at = harness(store);
    const said = (content: string) => [{ role: 'user', content, metadata: { note: content } }];
    for (let i = 0; i < 50; i++) {
      await at.memory.add(caller, `s${i}`, said(`Confidential ${'x'.repeat(100 * i)}`));
      await at.memory.summarize(caller, `s${i}`, { content: 'Confidential', up_to_seq: 1 });
    }
    const uuid = randomUUID();
    const long = { uuid, role: 'user', content: 'Confidential '.repeat(2000) };
    await at.memory.add(caller, 'redacted', [long]);
    await at.memory.add(caller, 'redacted', [{ uuid, role: 'user', content: 'short' }]);
    await at.users.add(caller, { user_id: 'u', email: 'Confidential@example.org' });
    await at.memory.add(caller, 'kept', said('Public'));
    for (let i = 0; i < 50; i++) await at.sessions.delete(caller, `s${i}`);
    await at.sessions.delete(caller, 'redacted');
    await at.users.delete(caller, 'u');
    for (let left = 1; left > 0; ) {
      const { messages, sessions } = await store.purge('2200-01-01T00:00:00.000Z', 10);
      left = messages + sessions;
    }
    const everything = () => Buffer.concat([readFileSync(path), readFileSync(`${path}-wal`)]);
    expect(everything().includes('Public')).toBe(true);
    expect(everything().includes('Confidential')).toBe(false);
    await store.close();
  });

  it('waits for another writer without keeping readers waiting', async () => {
    const store = await openSqliteStore(path);
    const at = harness(store);
    await at.sessions.add(caller, { session_id: 'there' });
    const other = await Database.open(path);
    other.exec('BEGIN IMMEDIATE');
    const adding = at.sessions.add(caller, { session_id: 'new' });
    expect(await at.sessions.get(caller, 'there')).toBeDefined();
    other.exec('COMMIT');
    other.close();
    expect(await adding).toMatchObject({ session_id: 'new' });
    await store.close();
  });

  it('undoes one failed write of a batch and keeps the others', async () => {
    const connection = await Connection.open(path, MIGRATIONS);
    const insert = (uuid: string) => () => {
      connection
        .statement(
          `INSERT INTO users (namespace, user_id, uuid, metadata, created_at, updated_at)
           VALUES ('n', ?, ?, '{}', 0, 0)`,
        )
        .run(uuid, uuid);
      if (uuid === 'b') throw new Error('changed its mind');
    };
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((uuid) => connection.write(insert(uuid))),
    );
    expect(outcomes.map(({ status }) => status)).toStrictEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    const left = connection.statement('SELECT uuid FROM users ORDER BY uuid').all();
    expect(left).toStrictEqual([['a'], ['c']]);
    await connection.close();
  });

  it.each([
    ['a page of sessions', 'live = 1 AND namespace = ? ORDER BY created_at DESC, uuid DESC'],
    ['deleted sessions', 'live = 0 AND namespace = ? ORDER BY updated_at, uuid'],
    [
      'sessions of a user',
      "live = 1 AND namespace = ? AND user_id = 'u' ORDER BY created_at, uuid",
    ],
    ['what is expired', 'deleted_at IS NOT NULL AND deleted_at <= ? ORDER BY deleted_at'],
  ])('finds %s by an index that needs no sorting', async (_, condition) => {
    const connection = await Connection.open(path, MIGRATIONS);
    const plan = connection
      .statement(`EXPLAIN QUERY PLAN SELECT * FROM sessions WHERE ${condition} LIMIT 10`)
      .all('n')
      .join('\n');
    expect(plan).toMatch(/SEARCH sessions USING INDEX/);
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
    await connection.close();
  });
});
