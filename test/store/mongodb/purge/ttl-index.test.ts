import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { purgeExpired } from '../../../../src/services/purge.ts';
import { createMongoClient, openMongoStore } from '../../../../src/store/mongodb/index.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { numberedMessages } from '../../../support/records.ts';
import { useOf } from '../../../support/stores.ts';

const caller = { namespace: 'n' };
const DAY = 86_400_000;

afterAll(closeObserved);
afterEach(() => vi.useRealTimers());

/** The TTL index, by which the server itself purges. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('has the server purge', () => {
    const purgeIndex = async ({ db }: Observed, collection = 'mcp_sessions_sessions') =>
      (await db.collection(collection).indexes()).find(({ name }) => name === 'ttl');
    const gone = async (at: Observed) => {
      while ((await at.db.collection('mcp_sessions_sessions').countDocuments()) > 0)
        await delay(100);
    };

    it('after the time that is set, by a TTL index that every start brings up to date', async () => {
      const at = openObserved(replicaSet, { kind: 'command' });
      for (const purgeAfter of [7 * DAY, 2 * DAY, undefined, 3 * DAY]) {
        const client = createMongoClient(replicaSet as string);
        const database = at.db.databaseName;
        const store = openMongoStore({ client, database, ...useOf({ purgeAfter }) });
        await store.ping();
        await store.close();
        for (const collection of ['mcp_sessions_sessions', 'mcp_sessions_users']) {
          const expected = purgeAfter && { expireAfterSeconds: purgeAfter / 1000 };
          if (expected) expect(await purgeIndex(at, collection)).toMatchObject(expected);
          else expect(await purgeIndex(at, collection)).toBeUndefined();
        }
      }
    });

    it('never otherwise because a command looked in with another setting', async () => {
      const at = openObserved(replicaSet, { purgeAfter: 7 * DAY });
      await at.store.ping();
      const client = createMongoClient(replicaSet as string);
      const database = at.db.databaseName;
      const command = useOf({ purgeAfter: 1000, kind: 'command' });
      const looking = openMongoStore({ client, database, ...command });
      await looking.countExpired(new Date().toISOString());
      await looking.purge(new Date().toISOString(), 10);
      await looking.close();
      expect(await purgeIndex(at)).toMatchObject({ expireAfterSeconds: 7 * 86_400 });
    });

    it('what was soft-deleted, and nothing that was restored or is live', async () => {
      const at = openObserved(replicaSet, { purgeAfter: 1000 });
      at.clock.now = Date.now();
      for (const session_id of ['live', 'deleted', 'restored']) {
        await at.sessions.add(caller, { session_id });
      }
      await at.sessions.delete(caller, 'deleted');
      await at.sessions.delete(caller, 'restored');
      await at.sessions.restore(caller, 'restored');
      const sessions = at.db.collection('mcp_sessions_sessions');
      while ((await sessions.countDocuments({ session_id: 'deleted' })) > 0) await delay(100);
      await expect(at.sessions.restore(caller, 'deleted')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await at.sessions.get(caller, 'live')).toBeDefined();
      expect(await at.sessions.get(caller, 'restored')).toBeDefined();
    });

    it('a session that has messages, which the sweep of any server removes then', async () => {
      const at = openObserved(replicaSet, { purgeAfter: 1000 });
      const sessions = at.db.collection('mcp_sessions_sessions');
      const left = (name: string) => at.db.collection(`mcp_sessions_${name}`).countDocuments();
      at.clock.now = Date.now();
      await at.memory.add(caller, 'kept', numberedMessages(1));
      await at.memory.add(caller, 'talk', numberedMessages(3));
      await at.memory.summarize(caller, 'talk', { content: 'so far', up_to_seq: 2 });
      await at.sessions.delete(caller, 'talk');
      while ((await sessions.countDocuments({ session_id: 'talk' })) > 0) await delay(100);
      expect(await left('messages')).toBe(4);
      await expect(at.memory.get(caller, 'talk')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(at.sessions.restore(caller, 'talk')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect((await at.search.search(caller, { query: 'message' })).hits).toHaveLength(1);

      vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });
      const cutoff = new Date(0).toISOString();
      const purged = await purgeExpired(at.store, { cutoff });
      expect(purged).toStrictEqual({ sessions: 0, messages: 3, users: 0 });
      expect(await left('messages')).toBe(1);
    });

    it('a session that is restored in the same moment whole, or not at all', async () => {
      const at = openObserved(replicaSet, { purgeAfter: 1000 });
      at.clock.now = Date.now();
      const ids = Array.from({ length: 30 }, (_, i) => `s${i}`);
      for (const session_id of ids) {
        await at.sessions.add(caller, { session_id, metadata: { session_id } });
      }
      // Each is past its time a little later than the one before, however long it takes to come to it.
      for (const [i, session_id] of ids.entries()) {
        at.clock.now = Date.now() + i * 200;
        await at.sessions.delete(caller, session_id);
      }
      at.clock.now = Date.now();
      const alive: string[] = [];
      for (const id of ids) {
        await delay(70);
        const restored = await at.sessions.restore(caller, id).catch((error: unknown) => error);
        if (restored instanceof Error) expect(restored).toMatchObject({ code: 'NOT_FOUND' });
        else alive.push(id);
      }
      expect(alive).not.toHaveLength(0);
      for (const id of alive) {
        expect((await at.sessions.get(caller, id)).metadata).toStrictEqual({ session_id: id });
        await at.sessions.delete(caller, id);
      }
      await gone(at);
    });
  });
});
