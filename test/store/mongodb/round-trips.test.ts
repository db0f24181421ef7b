import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../support/observed-store.ts';
import { COUNTED, NEWEST, numberedMessages, userRecord } from '../../support/records.ts';

const caller = { namespace: 'n' };
const owner = { namespace: 'n', user_id: 'u' };

afterAll(closeObserved);

const UUID = randomUUID();

/** The commands that the calls send. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('uses', () => {
    let at: Observed;
    beforeAll(async () => {
      at = openObserved(replicaSet);
      await at.store.users.insert('n', userRecord('u'));
      await at.sessions.add(caller, { session_id: 's' });
      await at.sessions.add(caller, { session_id: 'mine', user_id: 'u' });
      await at.memory.add(caller, 'talk', [
        ...numberedMessages(4),
        { uuid: UUID, role: 'user', content: 'x' },
      ]);
      await at.memory.add(caller, 'long', numberedMessages(300));
    });

    it.each<[string, () => Promise<unknown>]>([
      ['get_user', () => at.users.get(caller, 'u')],
      ['update_user', () => at.users.update(caller, 'u', { email: 'u@example.org' })],
      ['list_users', () => at.users.list(caller, NEWEST)],
      ['add_session', () => at.sessions.add(caller, { session_id: 'new' })],
      ['get_session', () => at.sessions.get(caller, 's')],
      ['update_session_metadata', () => at.sessions.updateMetadata(caller, 's', { a: { b: 1 } })],
      ['delete_session', () => at.sessions.delete(caller, 's')],
      ['restore_session', () => at.sessions.restore(caller, 's')],
      ['list_sessions', () => at.sessions.list(caller, NEWEST)],
      ['list_sessions with a total', () => at.sessions.list(caller, COUNTED)],
      ['list_users with a total', () => at.users.list(caller, COUNTED)],
      ['completion', () => at.sessions.complete(caller, 's', 5)],
      ['set_summary', () => at.memory.summarize(caller, 'talk', { content: 'x', up_to_seq: 5 })],
      ['get_memory', () => at.memory.get(caller, 'talk')],
      ['get_memory of a session without messages', () => at.memory.get(caller, 's')],
      ['list_messages', () => at.memory.list(caller, 'talk', { order: 'asc' })],
      ['list_messages of 300', () => at.memory.list(caller, 'long', { order: 'desc', limit: 300 })],
      ['a message', () => at.memory.getMessage(caller, 'talk', UUID)],
      ['a change by the owner', () => at.sessions.updateMetadata(owner, 'mine', { a: 1 })],
      ['a deletion by the owner', () => at.sessions.delete(owner, 'mine')],
      ['a restoration by the owner', () => at.sessions.restore(owner, 'mine')],
    ])('one round trip for %s', async (_, work) => {
      expect(await at.commands(work)).toHaveLength(1);
    });

    it.each([1, 1000])(
      'two round trips to add %i messages to a session that it does not know, and one from then on',
      async (n) => {
        const names = (id: string) => at.sent(() => at.memory.add(caller, id, numberedMessages(n)));
        const two = ['aggregate', 'bulkWrite'];
        expect(await names(`new-${n}`)).toStrictEqual(two);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
        await at.sessions.delete(caller, `new-${n}`);
        expect(await names(`new-${n}`)).toStrictEqual(two);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
      },
    );

    it('one round trip more to add messages that have uuids, to a session that is there', async () => {
      const messages = numberedMessages(3).map((message) => ({ ...message, uuid: randomUUID() }));
      const names = (uuids = messages) => at.sent(() => at.memory.add(caller, 'uuids', uuids));
      expect(await names()).toStrictEqual(['aggregate', 'bulkWrite']);
      const others = messages.map((message) => ({ ...message, uuid: randomUUID() }));
      expect(await names(others)).toStrictEqual(['find', 'bulkWrite']);
    });

    it('a time limit in the server for each command outside a transaction', async () => {
      const sent = await at.commands(async () => {
        await at.users.update(caller, 'u', { email: 'v@example.org' });
        await at.users.list(caller, COUNTED);
        await at.sessions.add(caller, { session_id: 'limited' });
        await at.memory.add(caller, 'limited', [{ uuid: UUID, role: 'user', content: 'y' }]);
        await at.memory.add(caller, 'limited', [{ uuid: UUID, role: 'user', content: 'z' }]);
        await at.memory.summarize(caller, 'limited', { content: 'x', up_to_seq: 1 });
        await at.memory.get(caller, 'limited');
        await at.search.search(caller, { query: 'message y', neighbours: 1 });
        await at.memory.updateMetadata(caller, 'limited', UUID, { a: 1 });
        await at.sessions.list(caller, NEWEST);
        await at.sessions.delete(caller, 'limited');
        await at.sessions.restore(caller, 'limited');
        await at.store.countExpired(new Date(0).toISOString());
        await at.store.purge(new Date(0).toISOString(), 10);
      });
      expect(new Set(sent.map(({ commandName }) => commandName)).size).toBeGreaterThan(5);
      for (const { commandName, command } of sent) {
        if (command.txnNumber !== undefined && command.autocommit === false) continue;
        expect({ commandName, maxTimeMS: command.maxTimeMS }).toStrictEqual({
          commandName,
          maxTimeMS: expect.any(Number),
        });
        expect(command.maxTimeMS).toBeLessThan(54_500);
      }
    });

    it('a transaction of three round trips to add a session under a user', async () => {
      const work = () => at.sessions.add(caller, { session_id: 'owned', user_id: 'u' });
      expect(await at.sent(work)).toStrictEqual(['update', 'insert', 'commitTransaction']);
    });
  });
});
