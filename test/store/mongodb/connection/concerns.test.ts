import { afterAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

/** What the commands ask of the server about durability. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('uses', () => {
    it('majority and journal for every write, and majority for every read', async () => {
      const at = openObserved(replicaSet);
      await at.sessions.add(caller, { session_id: 's' });
      const [insert] = await at.commands(() => at.sessions.add(caller, { session_id: 'durable' }));
      expect(insert?.command.writeConcern).toMatchObject({ w: 'majority', j: true });
      const [find] = await at.commands(() => at.sessions.get(caller, 's'));
      expect(find?.command.readConcern).toMatchObject({ level: 'majority' });
    });

    it.each([
      'w=1&journal=false&readConcernLevel=local',
      'w=0&wtimeoutMS=1&readPreference=secondaryPreferred&retryWrites=false&retryReads=false',
      'j=false&readConcernLevel=available',
    ])('the same whatever the address says: %s', async (options) => {
      const uri = replicaSet as string;
      const at = openObserved(`${uri}${uri.includes('?') ? '&' : '/?'}${options}`);
      await at.store.ping();
      const [insert] = await at.commands(() => at.sessions.add(caller, { session_id: 'durable' }));
      expect(insert?.command.writeConcern).toMatchObject({ w: 'majority', j: true });
      expect(insert?.command.writeConcern.wtimeout).toBeGreaterThan(4500);
      const [find] = await at.commands(() => at.sessions.get(caller, 'durable'));
      expect(find?.command.readConcern).toMatchObject({ level: 'majority' });
      const message = { role: 'user', content: 'hello' };
      const appended = await at.commands(() => at.memory.add(caller, 'durable', [message]));
      expect(appended.at(-1)?.command.writeConcern).toMatchObject({ w: 'majority', j: true });
      await at.users.add(caller, { user_id: 'u' });
      const together = await at.commands(() => at.users.delete(caller, 'u'));
      expect(together.at(-1)?.command.writeConcern).toMatchObject({ w: 'majority', j: true });
    });
  });
});
