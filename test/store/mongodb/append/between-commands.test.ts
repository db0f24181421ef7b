import { AggregationCursor, Collection } from 'mongodb';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { purgeExpired } from '../../../../src/services/purge.ts';
import {
  closeObserved,
  type Observed,
  openObserved as open,
  replicaSet,
  skipReason,
  standalone,
} from '../../../support/observed-store.ts';
import { rightAfter } from '../../../support/right-after.ts';

const NOW = '2100-01-01T00:00:00.000Z';
const anybody = { namespace: 'n' };
const ada = { namespace: 'n', user_id: 'ada' };
const bob = { namespace: 'n', user_id: 'bob' };
const said = (content: string) => [{ role: 'user', content }];

afterAll(closeObserved);
afterEach(() => vi.restoreAllMocks());

/** Deletes a session for good. */
async function purge({ store }: Observed, session_id: string): Promise<void> {
  await store.sessions.delete(anybody, session_id, NOW);
  await purgeExpired(store, { cutoff: NOW });
}

describe.skipIf(replicaSet === null)(`between two commands of one call${skipReason}`, () => {
  const servers = [
    ['replica set', replicaSet] as const,
    ['standalone', standalone] as const,
  ].filter(([, uri]) => uri !== null);

  it.each(servers)(
    'a session is begun anew for another, which merges nothing into it (%s)',
    async (_, uri) => {
      const at = open(uri);
      for (const user_id of ['ada', 'bob']) await at.users.add(anybody, { user_id });
      const metadata = { large: 'x'.repeat(60_000) };
      await at.sessions.add(anybody, { session_id: 's', user_id: 'ada', metadata });
      rightAfter(Collection.prototype, 'findOne', 'mcp_sessions_sessions', async () => {
        await purge(at, 's');
        await at.sessions.add(anybody, { session_id: 's', user_id: 'bob', metadata: { own: 1 } });
      });
      await at.sessions.updateMetadata(anybody, 's', { tag: 1 });
      expect((await at.sessions.get(bob, 's')).metadata).toStrictEqual({ own: 1, tag: 1 });
    },
  );

  it.each(servers)(
    'a session is gone, and what is appended then is in no other (%s)',
    async (_, uri) => {
      const at = open(uri);
      const other = open(uri, { database: at.db.databaseName });
      await at.users.add(anybody, { user_id: 'ada' });
      await at.memory.add(ada, 'ada/s', said('one'));
      await at.sessions.delete(ada, 'ada/s');
      rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
        // Elsewhere, one command does both.
        if (uri !== standalone) return;
        await other.store.sessions.delete(anybody, 'ada/s', NOW);
        await other.store.sessions.purge('n', 'ada/s', NOW);
      });
      await at.memory.add(ada, 'ada/s', said('two'));
      await at.memory.add(ada, 'ada/s', said('three'));
      const { session, messages } = await at.memory.get(ada, 'ada/s');
      expect(session.message_count).toBe(2);
      expect(messages.map(({ content }) => content)).toStrictEqual(['two', 'three']);
      expect(messages.map(({ seq }) => seq)).toStrictEqual(uri === standalone ? [1, 2] : [2, 3]);
    },
  );

  it('a session is deleted, and a search in it says so', async () => {
    const at = open(replicaSet);
    await at.memory.add(anybody, 's', said('a fox'));
    rightAfter(AggregationCursor.prototype, 'toArray', 'mcp_sessions_sessions', () =>
      at.sessions.delete(anybody, 's'),
    );
    const search = at.search.search(anybody, { query: 'fox', session_id: 's' });
    await expect(search).rejects.toThrow('restore_session');
  });
});

describe.skipIf(replicaSet === null)(`between two calls of a pinned caller${skipReason}`, () => {
  it.each(['bob/s', 's'])(
    'a session is purged, %s, and nothing is left of what was appended to it then',
    async (id) => {
      const at = open(replicaSet);
      const other = open(replicaSet, { database: at.db.databaseName });
      await at.users.add(anybody, { user_id: 'bob' });
      await at.sessions.add(anybody, { session_id: id, user_id: 'bob' });
      await at.memory.add(bob, id, said('one'));
      await purge(other, id);
      const adding = at.memory.add(bob, id, said('two'));
      if (id === 's') await expect(adding).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
      else await adding;
      const there = await at.db.collection('mcp_sessions_messages').countDocuments();
      expect(there).toBe(id === 's' ? 0 : 1);
    },
  );
});
