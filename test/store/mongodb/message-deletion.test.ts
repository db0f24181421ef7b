import { Collection, FindCursor } from 'mongodb';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  closeObserved,
  openObserved,
  replicaSet,
  skipReason,
  standalone,
} from '../../support/observed-store.ts';
import { rightAfter } from '../../support/right-after.ts';

const MESSAGES = 'mcp_sessions_messages';
const SESSIONS = 'mcp_sessions_sessions';
const caller = { namespace: 'n' };
const said = (content: string, more: object = {}) => [{ role: 'user', content, ...more }];

afterAll(closeObserved);
afterEach(() => vi.restoreAllMocks());

const SERVERS = [
  ['a replica set', replicaSet],
  ['a standalone server', standalone],
] as const;

/** Deletions of single messages, and sessions that are given to users, when something comes in between. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  const contents = async (at: ReturnType<typeof openObserved>) =>
    (await at.memory.get(caller, 's')).messages.map(({ content }) => content);

  it('shows no deleted message after a crash, and counts right when the call is repeated', async () => {
    const at = openObserved(standalone);
    const { messages } = await at.memory.add(caller, 's', said('secret'));
    await at.memory.add(caller, 's', said('public'));
    const uuids = messages.map(({ uuid }) => uuid);
    rightAfter(Collection.prototype, 'updateMany', MESSAGES, async () => {
      throw new Error('killed');
    });
    await expect(at.memory.delete(caller, 's', uuids)).rejects.toBeDefined();
    vi.restoreAllMocks();
    expect(await contents(at)).toEqual(['public']);
    const { session } = await at.memory.delete(caller, 's', uuids);
    expect(session.message_count).toBe(1);
  });

  it('deletes a message while older ones of the session are restored', async () => {
    const at = openObserved(standalone);
    await at.memory.add(caller, 's', said('old'));
    await at.sessions.delete(caller, 's');
    const { messages } = await at.memory.add(caller, 's', said('secret'));
    const other = openObserved(standalone, { database: at.db.databaseName });
    rightAfter(Collection.prototype, 'updateMany', MESSAGES, async () => {
      await other.store.sessions.restore(caller, 's');
    });
    await at.memory.delete(
      caller,
      's',
      messages.map(({ uuid }) => uuid),
    );
    expect(await contents(at)).toEqual(['old']);
    expect((await at.sessions.get(caller, 's')).message_count).toBe(1);
  });

  it.each(SERVERS)(
    'appends a message that is deleted while it is updated, on %s',
    async (_, uri) => {
      const at = openObserved(uri);
      const other = openObserved(uri, { database: at.db.databaseName });
      const { messages } = await at.memory.add(caller, 's', said('apple'));
      const uuid = messages[0]?.uuid as string;
      rightAfter(
        FindCursor.prototype,
        'toArray',
        MESSAGES,
        async () => {
          await other.memory.delete(caller, 's', [uuid]);
        },
        2,
      );
      const added = await at.memory.add(caller, 's', said('banana', { uuid }));
      vi.restoreAllMocks();
      expect(await contents(at)).toEqual(['banana']);
      expect(added.session.message_count).toBe(1);
      const stored = await at.db
        .collection(MESSAGES)
        .find({}, { sort: { seq: 1 } })
        .toArray();
      expect(stored.map(({ content, terms }) => [content, terms])).toEqual([
        ['apple', []],
        ['banana', ['banana']],
      ]);
    },
  );

  it.each([true, false])(
    'leaves a session to a user who is deleted meanwhile and restored (was theirs: %s)',
    async (isTheirs) => {
      const at = openObserved(standalone);
      const other = openObserved(standalone, { database: at.db.databaseName });
      await at.users.add(caller, { user_id: 'ada' });
      await at.sessions.add(caller, { session_id: 's', ...(isTheirs && { user_id: 'ada' }) });
      rightAfter(Collection.prototype, 'findOneAndUpdate', SESSIONS, async () => {
        await other.users.delete(caller, 'ada');
      });
      await at.sessions.update(caller, 's', { user_id: 'ada' }).catch(() => undefined);
      vi.restoreAllMocks();
      await at.users.restore(caller, 'ada');
      expect(await at.sessions.get(caller, 's')).toMatchObject({ user_id: 'ada' });
      await at.memory.add(caller, 's', said('more'));
    },
  );

  it.each(SERVERS)('finishes what a crash left of an assignment, on %s', async (_, uri) => {
    const at = openObserved(uri);
    await at.users.add(caller, { user_id: 'ada' });
    await at.memory.add(caller, 's', said('apple'));
    const assign = () => at.sessions.update(caller, 's', { user_id: 'ada' });
    const kill = () =>
      vi.spyOn(Collection.prototype, 'updateMany').mockRejectedValueOnce(new Error('killed'));
    const found = async () =>
      (await at.search.search(caller, { user_id: 'ada', query: 'apple' })).hits.length;
    kill();
    await assign().catch(() => undefined);
    vi.restoreAllMocks();
    expect(await found()).toBe(0);
    await at.store.purge('2000-01-01T00:00:00.000Z', 100);
    expect(await found()).toBe(1);
  });
});
