import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('a file from before `live` could be NULL', () => {
  const file = temporaryFile();

  it('lists what was deleted, in a file from before the sessions of deleted users were set apart', async () => {
    mkdirSync(dirname(file.path));
    const database = await Database.open(file.path);
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
    const store = await openSqliteStore(file.path);
    const listed = async (deleted: 'only' | 'exclude') => {
      const order = { order_by: 'created_at', order: 'desc' } as const;
      const page = await harness(store).sessions.list(caller, { ...order, deleted });
      return page.records.map(({ session_id }) => session_id);
    };
    expect(await listed('only')).toStrictEqual(['deleted']);
    expect(await listed('exclude')).toStrictEqual(['live']);
    await store.close();
  });
});
