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
  });
});
