import { randomUUID } from 'node:crypto';
import { AggregationCursor, Collection, FindCursor } from 'mongodb';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { purgeExpired } from '../../../../src/services/purge.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
  standalone,
} from '../../../support/observed-store.ts';
import { rightAfter } from '../../../support/right-after.ts';

const caller = { namespace: 'n' };
const DAY = 86_400_000;

afterAll(closeObserved);
afterEach(() => vi.restoreAllMocks());

const servers = [
  ['replica set', replicaSet],
  ['standalone', standalone],
] as const;

/** What another process may do between two commands of one call: docs/architecture.md. */
describe.skipIf(replicaSet === null).each(servers)(
  `a revival, on a %s${skipReason}`,
  (name, uri) => {
    let at: Observed;
    let other: Observed;

    beforeEach(() => {
      at = openObserved(uri);
      other = openObserved(uri, { database: at.db.databaseName });
    });

    const say = (by: Observed, ...contents: string[]) =>
      by.memory.add(
        caller,
        's',
        contents.map((content) => ({ role: 'user', content })),
      );
    const remove = (by = at) => by.sessions.delete(caller, 's');
    const restore = (by = at) => by.sessions.restore(caller, 's');
    const purge = (by: Observed) =>
      purgeExpired(by.store, { cutoff: new Date(at.clock.now).toISOString() });
    const stored = (filter = {}) =>
      at.db.collection('mcp_sessions_messages').countDocuments(filter);

    /** The live messages, whose numbers have no gap and agree with the count. */
    async function listed(): Promise<[number, string][]> {
      const { messages } = await at.memory.list(caller, 's', { order: 'asc' });
      const { message_count } = await at.sessions.get(caller, 's');
      const first = messages[0]?.seq ?? 0;
      expect(messages.map(({ seq }) => seq)).toStrictEqual(messages.map((_, i) => first + i));
      expect(message_count).toBe(messages.length);
      return messages.map(({ seq, content }) => [seq, content]);
    }

    it('that others undo is counted by whoever goes on appending', async () => {
      await say(at, 'one');
      await remove();
      await say(at, 'two');
      await restore(other);
      expect((await say(at, 'three')).session.message_count).toBe(3);
      expect((await say(at, 'four')).session.message_count).toBe(4);
      expect(await listed()).toHaveLength(4);
    });

    it('is undone in one round trip', async () => {
      await say(at, 'one');
      await remove();
      await say(at, 'two');
      expect(await at.commands(() => restore())).toHaveLength(1);
      expect(await listed()).toHaveLength(2);
    });

    it('is undone before a purge gives its messages up, which then stay', async () => {
      await say(at, 'one');
      await remove();
      await say(at, 'two');
      rightAfter(FindCursor.prototype, 'toArray', 'mcp_sessions_sessions', () => restore(other), 2);
      expect(await purge(at)).toMatchObject({ messages: 0 });
      expect(await listed()).toStrictEqual([
        [1, 'one'],
        [2, 'two'],
      ]);
      expect(await purge(at)).toMatchObject({ messages: 0 });
    });

    it('is not undone once a purge has given its messages up', async () => {
      await say(at, 'one');
      await remove();
      await say(at, 'two');
      let back: unknown;
      rightAfter(Collection.prototype, 'updateMany', 'mcp_sessions_sessions', async () => {
        back = await restore(other);
      });
      expect(await purge(at)).toMatchObject({ messages: 1 });
      expect(back).toMatchObject({ messages: 0 });
      expect(await listed()).toStrictEqual([[2, 'two']]);
      expect(await stored()).toBe(1);
    });

    it('while a purge is at the messages of an earlier one leaves its own alone', async () => {
      await say(at, 'one');
      await remove();
      await say(at, 'two');
      rightAfter(Collection.prototype, 'deleteMany', 'mcp_sessions_messages', async () => {
        other.clock.now += DAY;
        await remove(other);
        await say(other, 'three');
      });
      await purgeExpired(at.store, { cutoff: new Date(at.clock.now).toISOString() });
      expect(await restore()).toMatchObject({ messages: 1 });
      expect(await listed()).toStrictEqual([
        [2, 'two'],
        [3, 'three'],
      ]);
    });

    it('gives no message that came in its wake the metadata of one that stays deleted', async () => {
      const uuid = randomUUID();
      const again = (content: string) => [{ uuid, role: 'user', content }];
      await at.memory.add(caller, 's', again('before'));
      rightAfter(AggregationCursor.prototype, 'toArray', 'mcp_sessions_messages', async () => {
        await remove(other);
        await other.memory.add(caller, 's', again('after'));
      });
      const change = at.memory.updateMetadata(caller, 's', uuid, { of: 'before' });
      await expect(change).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await at.memory.getMessage(caller, 's', uuid)).toMatchObject({
        content: 'after',
        metadata: {},
      });
    });

    it('gives each message a uuid of its own where it is undone meanwhile', async () => {
      const uuid = randomUUID();
      const again = (content: string) => [{ uuid, role: 'user', content }];
      await at.memory.add(caller, 's', again('before'));
      await remove();
      await say(at, 'between');
      // In a transaction, the session is not to be had.
      if (name === 'standalone') {
        rightAfter(Collection.prototype, 'bulkWrite', 'mcp_sessions_messages', () =>
          restore(other),
        );
      }
      await at.memory.add(caller, 's', again('after'));
      if (name !== 'standalone') await restore(other);
      expect((await listed()).map(([, content]) => content)).toStrictEqual([
        'before',
        'between',
        'after',
      ]);
      const { messages } = await at.memory.list(caller, 's', { order: 'asc' });
      expect(new Set(messages.map((message) => message.uuid)).size).toBe(3);
      expect(messages[2]?.uuid).toBe(uuid);
    });
  },
);

/** Where there is no `bulkWrite`, an append lets others in between its two writes. */
describe.skipIf(standalone === null)(`an append in two commands${skipReason}`, () => {
  let at: Observed;
  let other: Observed;

  beforeEach(() => {
    at = openObserved(standalone);
    other = openObserved(standalone, { database: at.db.databaseName });
  });

  const say = (by: Observed, ...contents: string[]) =>
    by.memory.add(
      caller,
      's',
      contents.map((content) => ({ role: 'user', content })),
    );
  const contents = async () =>
    (await at.memory.list(caller, 's', { order: 'asc' })).messages.map(({ content }) => content);
  const stored = () => at.db.collection('mcp_sessions_messages').countDocuments();

  it('comes after a revival that it meets', async () => {
    await say(at, 'old');
    rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
      await other.sessions.delete(caller, 's');
      await say(other, 'theirs');
    });
    await say(at, 'ours 1', 'ours 2');
    expect(await contents()).toStrictEqual(['theirs', 'ours 1', 'ours 2']);
    expect(await at.sessions.restore(caller, 's')).toMatchObject({ messages: 1 });
    expect(await contents()).toStrictEqual(['old', 'theirs', 'ours 1', 'ours 2']);
    expect(await stored()).toBe(4);
  });

  it('comes whole after all that it meets', async () => {
    await say(at, 'old');
    rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
      await say(other, 'theirs');
      await other.sessions.delete(caller, 's');
      await say(other, 'new');
    });
    const { messages } = await say(at, 'ours 1', 'ours 2');
    expect(messages.map(({ seq }) => seq)).toStrictEqual([4, 5]);
    expect(await contents()).toStrictEqual(['new', 'ours 1', 'ours 2']);
    expect(await at.sessions.restore(caller, 's')).toMatchObject({ messages: 2 });
    expect(await contents()).toStrictEqual(['old', 'theirs', 'new', 'ours 1', 'ours 2']);
    expect(await stored()).toBe(5);
  });

  it('adds a message once whose uuid another append brings at the same time', async () => {
    const uuid = randomUUID();
    const message = [{ uuid, role: 'user', content: 'once' }];
    await say(at, 'old');
    // After it has looked, and before it adds.
    rightAfter(FindCursor.prototype, 'toArray', 'mcp_sessions_messages', () =>
      other.memory.add(caller, 's', message),
    );
    const added = await at.memory.add(caller, 's', message);
    expect(added.messages).toStrictEqual([{ uuid, seq: 2, status: 'updated' }]);
    expect(await contents()).toStrictEqual(['old', 'once']);
    expect(await stored()).toBe(2);
  });

  it('leaves nothing in a session that is purged meanwhile', async () => {
    await say(at, 'old');
    rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
      await other.sessions.delete(caller, 's');
      await purgeExpired(other.store, { cutoff: new Date(other.clock.now).toISOString() });
    });
    expect((await say(at, 'new')).messages).toMatchObject([{ seq: 1 }]);
    expect(await contents()).toStrictEqual(['new']);
    expect(await stored()).toBe(1);
  });
});
