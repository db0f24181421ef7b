import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { numberedMessages, userRecord } from '../../../support/records.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);

/** Sessions that are wanted in the same moment are found with one command. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('uses', () => {
    let at: Observed;
    beforeAll(async () => {
      at = openObserved(replicaSet);
      await at.sessions.add(caller, { session_id: 's' });
      await at.memory.add(caller, 'talk', numberedMessages(5));
    });

    it('one round trip for up to 32 sessions of a namespace that are wanted in the same moment', async () => {
      const wanted = Array.from(
        { length: 33 },
        (_, i) => ['s', 'talk', `missing-${i}`][i % 3] ?? '',
      );
      let found: unknown[] = [];
      const work = async () => {
        const sessions = wanted.map((id) => at.store.sessions.find({ namespace: 'n' }, id));
        const others = ['s', 's'].map((id) => at.store.sessions.find({ namespace: 'other' }, id));
        found = await Promise.all([...sessions, ...others]);
      };
      expect(await at.commands(work)).toHaveLength(2);
      const ids = found.map(
        (session) => (session as { session_id: string } | undefined)?.session_id,
      );
      expect(ids).toStrictEqual([
        ...wanted.map((id) => (id.startsWith('missing') ? undefined : id)),
        undefined,
        undefined,
      ]);
      const many = Array.from({ length: 33 }, (_, i) =>
        at.store.sessions.find({ namespace: 'n' }, `many-${i}`),
      );
      expect(await at.commands(() => Promise.all(many))).toHaveLength(2);
    });

    it('no command for callers together who may not read the same', async () => {
      for (const user_id of ['ada', 'bob']) {
        await at.store.users.insert('n', userRecord(user_id));
        await at.sessions.add(caller, { session_id: `${user_id}-1`, user_id });
        await at.sessions.add(caller, { session_id: `${user_id}-2`, user_id });
      }
      const ids = ['ada-1', 'bob-1', 's', 'ada-2', 'bob-2'];
      const callers = [
        { namespace: 'n', user_id: 'ada' },
        { namespace: 'n', user_id: 'bob' },
        { namespace: 'n' },
        { user_id: 'ada', namespace: 'n', credential: 'another' },
      ];
      let found: unknown[] = [];
      const sent = await at.sent(async () => {
        const asked = callers.map((caller) =>
          Promise.all(ids.map((id) => at.store.sessions.find(caller, id))),
        );
        found = (await Promise.all(asked)).map((all) => all.map((one) => one?.session_id));
      });
      const [adas, bobs] = [
        ['ada-1', undefined, undefined, 'ada-2', undefined],
        [undefined, 'bob-1', undefined, undefined, 'bob-2'],
      ];
      expect(found).toStrictEqual([adas, bobs, ids, adas]);
      expect(sent.toSorted()).toStrictEqual(['aggregate', 'aggregate', 'find']);
    });
  });
});
