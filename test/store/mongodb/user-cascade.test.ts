import { afterAll, describe, expect, it } from 'vitest';
import { createMongoClient, openMongoStore } from '../../../src/store/mongodb/index.ts';
import {
  closeObserved,
  openObserved,
  skipReason,
  standalone,
} from '../../support/observed-store.ts';
import { userRecord } from '../../support/records.ts';
import { harness, useOf } from '../../support/stores.ts';

const caller = { namespace: 'n' };
const DAY = 86_400_000;

afterAll(closeObserved);

describe.skipIf(standalone === null)(`a standalone server that was cut off${skipReason}`, () => {
  it('has its half-done deletion of a user finished by the next process', async () => {
    const at = openObserved(standalone);
    await at.store.users.insert('n', userRecord('u'));
    for (const session_id of ['a', 'b']) {
      await at.sessions.add(caller, { session_id, user_id: 'u' });
    }
    // What a crash right after the first of the writes leaves behind.
    await at.db
      .collection('mcp_sessions_users')
      .updateOne(
        { user_id: 'u' },
        { $set: { live: false, deleted_at: new Date(at.clock.now), cascade: 'delete' } },
      );
    const client = createMongoClient(standalone as string);
    const store = openMongoStore({
      client,
      database: at.db.databaseName,
      ...useOf({ purgeAfter: DAY }),
    });
    const next = harness(store);
    await expect(next.sessions.get(caller, 'a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await next.users.delete(caller, 'u')).toMatchObject({ sessions: 2 });
    expect((await next.users.restore(caller, 'u')).sessions).toBe(2);
    expect(await next.sessions.get(caller, 'b')).toBeDefined();
    await store.close();
  });
});
