import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('a file from before sessions had the number of their deleted messages', () => {
  const file = temporaryFile();

  it('counts the messages of a session without those that were deleted', async () => {
    mkdirSync(dirname(file.path), { recursive: true });
    const step = MIGRATIONS.findIndex((one) => String(one).includes('ADD COLUMN deleted_count'));
    const old = await Connection.open(file.path, MIGRATIONS.slice(0, step));
    await old.write(() => {
      const session = old.statement(
        `INSERT INTO sessions (id, namespace, session_id, uuid, metadata, created_at, updated_at,
          first_seq, last_seq) VALUES (?, 'n', ?, ?, '{}', 1, 1, ?, 5)`,
      );
      const message = old.statement(
        `INSERT INTO messages (session, seq, uuid, role, content, metadata, token_count, created_at,
          updated_at, deleted_at) VALUES (?, ?, ?, 'user', 'text', '{}', 1, 1, 1, ?)`,
      );
      // The third session was revived: its first two messages are retired.
      for (const [id, first] of [1, 1, 3].entries())
        session.run(id + 1, `s${id + 1}`, `${id}`, first);
      for (const id of [1, 2, 3]) {
        for (const seq of [1, 2, 3, 4, 5]) {
          // One is deleted, one is purged as well.
          const deleted = id === 1 ? null : ([2, -3].find((at) => Math.abs(at) === seq) ?? null);
          message.run(id, seq, `${seq}`, deleted);
        }
      }
    });
    await old.close();
    const store = await openSqliteStore(file.path);
    const { sessions } = harness(store);
    const counts = ['s1', 's2', 's3'].map(
      async (id) => (await sessions.get(caller, id)).message_count,
    );
    expect(await Promise.all(counts)).toStrictEqual([5, 3, 2]);
    await store.close();
  });
});
