import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('the connection of the embedded store', () => {
  const file = temporaryFile();

  it('makes its folder and its file, which nobody else can read', async () => {
    const store = await openSqliteStore(file.path);
    expect(statSync(file.path).mode & 0o077).toBe(0);
    expect(statSync(dirname(file.path)).mode & 0o077).toBe(0);
    await store.close();
  });

  it('keeps everything in one file once it is closed', async () => {
    const store = await openSqliteStore(file.path);
    await harness(store).sessions.add(caller, { session_id: 's' });
    await store.close();
    expect(existsSync(`${file.path}-wal`) && statSync(`${file.path}-wal`).size > 0).toBe(false);
    const again = await openSqliteStore(file.path);
    expect(await harness(again).sessions.get(caller, 's')).toBeDefined();
    await again.close();
  });

  it('flushes every commit to disk, in a write-ahead log', async () => {
    const connection = await Connection.open(file.path, MIGRATIONS);
    expect(connection.statement('PRAGMA synchronous').get()).toStrictEqual([2]);
    expect(connection.statement('PRAGMA journal_mode').get()).toStrictEqual(['wal']);
    await connection.close();
  });

  it('waits for another writer without keeping readers waiting', async () => {
    const store = await openSqliteStore(file.path);
    const at = harness(store);
    await at.sessions.add(caller, { session_id: 'there' });
    const other = await Database.open(file.path);
    other.exec('BEGIN IMMEDIATE');
    const adding = at.sessions.add(caller, { session_id: 'new' });
    expect(await at.sessions.get(caller, 'there')).toBeDefined();
    other.exec('COMMIT');
    other.close();
    expect(await adding).toMatchObject({ session_id: 'new' });
    await store.close();
  });

  it('leaves no snapshot open behind a read that failed', async () => {
    const connection = await Connection.open(file.path, MIGRATIONS);
    const count = () => connection.statement('SELECT count(*) FROM users').get()?.[0];
    const failing = connection.readSnapshot(() => {
      expect(count()).toBe(0);
      throw new Error('failed');
    });
    await expect(failing).rejects.toMatchObject({ code: 'INTERNAL' });
    const other = await Database.open(file.path);
    other.exec(`INSERT INTO users (namespace, user_id, uuid, metadata, created_at, updated_at)
      VALUES ('n', 'u', 'x', '{}', 0, 0)`);
    expect(await connection.readSnapshot(count)).toBe(1);
    // It would wait for a reader of what was before.
    expect(other.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.[0]).toBe(0);
    other.close();
    await connection.close();
  });
});
