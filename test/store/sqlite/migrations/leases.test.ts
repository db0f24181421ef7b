import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('a file from before there were leases', () => {
  const file = temporaryFile();

  it('keeps its sessions, and has leases from then on', async () => {
    mkdirSync(dirname(file.path), { recursive: true });
    const step = MIGRATIONS.findIndex((one) => String(one).includes('CREATE TABLE leases'));
    const old = await Connection.open(file.path, MIGRATIONS.slice(0, step));
    await old.write(() => {
      old
        .statement(
          `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at, updated_at)
            VALUES ('n', 's', 'u', '{}', 1, 1)`,
        )
        .run();
    });
    await old.close();
    const store = await openSqliteStore(file.path);
    expect(await harness(store).sessions.get(caller, 's')).toMatchObject({ uuid: 'u' });
    expect(await store.leases.take('work', 'me', 1000)).toStrictEqual({});
    await store.close();
  });
});
