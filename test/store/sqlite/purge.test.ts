import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/store/sqlite/index.ts';
import { harness } from '../../support/stores.ts';
import { temporaryFile } from '../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('the purge of the embedded store', () => {
  const file = temporaryFile();

  it('leaves nothing in the file, nor in its log, of what was purged', async () => {
    const store = await openSqliteStore(file.path);
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
    const everything = () =>
      Buffer.concat([readFileSync(file.path), readFileSync(`${file.path}-wal`)]);
    expect(everything().includes('Public')).toBe(true);
    expect(everything().includes('Confidential')).toBe(false);
    await store.close();
  });
});
