import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../support/observed-store.ts';
import { explained } from '../../support/query-plan.ts';
import { COUNTED, NEWEST, numberedMessages, userRecord } from '../../support/records.ts';

/** How many sessions there are beside the one that has messages. */
const SESSIONS = 60;

const caller = { namespace: 'n' };
const owner = { namespace: 'n', user_id: 'u' };

afterAll(closeObserved);

/** Which indexes the calls use, and how much of them. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('explains', () => {
    let at: Observed;
    beforeAll(async () => {
      at = openObserved(replicaSet);
      await at.store.users.insert('n', userRecord('u'));
      for (let i = 0; i < SESSIONS; i++) {
        at.clock.now += i % 2;
        const owner = i % 3 === 0 ? { user_id: 'u' } : {};
        await at.sessions.add(caller, { session_id: `s${i}`, ...owner });
      }
      for (let i = 0; i < SESSIONS; i += 4) await at.sessions.delete(caller, `s${i}`);
      await at.memory.add(caller, 'talk', numberedMessages(500));
      await at.users.delete(caller, 'u');
      await at.users.restore(caller, 'u');
    });

    const lists = (['created_at', 'updated_at'] as const).flatMap((order_by) =>
      (['asc', 'desc'] as const).flatMap((order) =>
        (['exclude', 'only'] as const).flatMap((deleted) =>
          [undefined, 'u'].map((user_id) => ({ order_by, order, deleted, user_id })),
        ),
      ),
    );

    it.each(lists)('every page of %j as one stretch of an index', async (query) => {
      const first = await at.sessions.list(caller, { ...query, limit: 2 });
      const cursor = first.next_cursor as string;
      for (const page of [{ limit: 2 }, { limit: 2, cursor }, { page_size: 2, page_number: 2 }]) {
        const plan = await explained(at, () => at.sessions.list(caller, { ...query, ...page }));
        expect(plan.stages).not.toContain('COLLSCAN');
        expect(plan.stages).not.toContain('SORT');
        expect(plan.stages).toContain('IXSCAN');
        // Three are returned, to see whether there are more; an offset goes over what it skips, and
        // a cursor over those of its own millisecond.
        expect(plan.keysExamined).toBeLessThanOrEqual(3 + 2);
        expect(plan.docsExamined).toBeLessThanOrEqual(3 + 2);
      }
    });

    it.each<[string, () => Promise<unknown>]>([
      ['list_sessions with a total', () => at.sessions.list(caller, COUNTED)],
      [
        'list_sessions of a user with a total',
        () => at.sessions.list(caller, { ...COUNTED, user_id: 'u' }),
      ],
      ['list_users with a total', () => at.users.list(caller, COUNTED)],
      ['delete_user', () => at.users.delete(caller, 'u')],
      ['restore_user', () => at.users.restore(caller, 'u')],
    ])('%s without going through all there is', async (_, work) => {
      const plan = await explained(at, work);
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.stages).not.toContain('SORT');
    });

    it('a list of the deleted without those that went with their user', async () => {
      await at.users.add(caller, { user_id: 'leaving' });
      for (let i = 0; i < 20; i++) {
        await at.sessions.add(caller, { session_id: `leaving-${i}`, user_id: 'leaving' });
      }
      await at.sessions.delete(caller, 'leaving-7');
      await at.users.delete(caller, 'leaving');
      const query = { ...NEWEST, deleted: 'only', limit: 2 } as const;
      const plan = await explained(at, () => at.sessions.list(caller, query));
      expect(plan.keysExamined).toBeLessThanOrEqual(3);
      await at.users.restore(caller, 'leaving');
      const restored = await at.sessions.list(caller, { ...query, user_id: 'leaving' });
      expect(restored.records).toMatchObject([{ session_id: 'leaving-7' }]);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['get_session', () => at.sessions.get(caller, 's1')],
      ['update_session_metadata', () => at.sessions.updateMetadata(caller, 's1', { a: 1 })],
      ['update_session', () => at.sessions.update(caller, 's1', { user_id: 'u' })],
      ['a change by the owner', () => at.sessions.updateMetadata(owner, 's3', { a: 1 })],
      ['completion', () => at.sessions.complete(caller, 's1', 2)],
      ['list_users', () => at.users.list(caller, { ...NEWEST, limit: 2 })],
      ['get_user', () => at.users.get(caller, 'u')],
      ['update_user', () => at.users.update(caller, 'u', { metadata: { a: 1 } })],
      ['completion of users', () => at.users.complete(caller, 'u', 2)],
      ['the dry run of a purge', () => at.store.countExpired('2099-01-01T00:00:00.000Z')],
      ['the namespaces', () => at.store.sessions.namespaces(undefined, 1)],
      ['a lease', () => at.store.leases.take('work', 'me', 1000)],
    ])('%s by an index', async (_, work) => {
      const plan = await explained(at, work);
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.keysExamined).toBeLessThanOrEqual(3);
    });

    it('a purge by indexes, which reads one key of a session and none of its messages', async () => {
      const plan = await explained(at, () => at.store.purge('2099-01-01T00:00:00.000Z', 10));
      expect(plan.stages).not.toContain('COLLSCAN');
      // Orphans are looked for among the sessions that are older than ten seconds.
      expect(plan.keysExamined).toBeLessThanOrEqual(3 + 2 * SESSIONS);
    });
  });
});
