import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { createOlderFile } from '../../../support/older-file.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('a file from before sessions had the number of their deleted messages', () => {
  const file = temporaryFile();

  it('counts the messages of a session without those that were deleted', async () => {
    await createOlderFile(file.path, 'ADD COLUMN deleted_count', (old) => {
      const session = old.statement(
        `INSERT INTO sessions (id, namespace, session_id, uuid, metadata, created_at, updated_at,
          first_seq, last_seq) VALUES (?, 'n', ?, ?, '{}', 1, 1, ?, 5)`,
      );
      const message = old.statement(
        `INSERT INTO messages (session, seq, uuid, role, content, metadata, token_count, created_at,
          updated_at, deleted_at) VALUES (?, ?, ?, 'user', 'text', '{}', 1, 1, 1, ?)`,
      );
      // The third session was revived: its first two messages are retired.
      for (const [id, first] of Object.entries({ 1: 1, 2: 1, 3: 3 })) {
        session.run(Number(id), `s${id}`, id, first);
        // The second message is deleted, the third one is purged as well.
        const deletedAt = id === '1' ? [] : [null, 2, -3];
        for (let i = 0; i < 5; i++) message.run(Number(id), i + 1, `${i}`, deletedAt[i] ?? null);
      }
    });
    const store = await openSqliteStore(file.path);
    const { sessions } = harness(store);
    const counts = ['s1', 's2', 's3'].map(
      async (id) => (await sessions.get(caller, id)).message_count,
    );
    expect(await Promise.all(counts)).toStrictEqual([5, 3, 2]);
    await store.close();
  });
});
