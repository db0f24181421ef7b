import { afterAll, describe, expect, it } from 'vitest';
import { purgeExpired } from '../../../src/services/purge.ts';
import {
  closeObserved,
  openObserved,
  skipReason,
  standalone,
} from '../../support/observed-store.ts';
import { numberedMessages, userRecord } from '../../support/records.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

describe.skipIf(standalone === null)(`the MongoDB store, standalone${skipReason}`, () => {
  it('starts no transaction, which a standalone mongod would refuse', async () => {
    const at = openObserved(standalone);
    await at.store.users.insert('n', userRecord('u'));
    const sent = await at.commands(async () => {
      await at.sessions.add(caller, { session_id: 'owned', user_id: 'u' });
      await at.sessions.delete(caller, 'owned');
      await at.sessions.restore(caller, 'owned');
      await at.memory.add(caller, 'owned', numberedMessages(3));
      await at.memory.summarize(caller, 'owned', { content: 'x', up_to_seq: 3 });
      await at.users.delete(caller, 'u');
      await at.users.restore(caller, 'u');
      await purgeExpired(at.store, { cutoff: new Date(at.clock.now).toISOString() });
    });
    for (const { command } of sent) {
      expect(command).not.toHaveProperty('startTransaction');
      expect(command).not.toHaveProperty('txnNumber');
    }
  });
});
