import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { createOlderFile } from '../../../support/older-file.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('a file from before there were leases', () => {
  const file = temporaryFile();

  it('keeps its sessions, and has leases from then on', async () => {
    await createOlderFile(file.path, 'CREATE TABLE leases', (old) => {
      old
        .statement(
          `INSERT INTO sessions (namespace, session_id, uuid, metadata, created_at, updated_at)
            VALUES ('n', 's', 'u', '{}', 1, 1)`,
        )
        .run();
    });
    const store = await openSqliteStore(file.path);
    expect(await harness(store).sessions.get(caller, 's')).toMatchObject({ uuid: 'u' });
    expect(await store.leases.take('work', 'me', 1000)).toStrictEqual({});
    await store.close();
  });
});
