import { randomUUID } from 'node:crypto';
import { Collection } from 'mongodb';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
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
import { openProxy } from './mongodb-proxy.ts';

const caller = { namespace: 'n' };
const MINUTE = 60_000;

interface Stored {
  _id: string;
  session_uuid: string;
  seq: number;
  content: string;
  fence?: number;
}

const SETUPS = [
  { name: 'with bulkWrite', uri: replicaSet, hidesBulkWrite: false },
  { name: 'without bulkWrite', uri: replicaSet, hidesBulkWrite: true },
  { name: 'on a standalone', uri: standalone, hidesBulkWrite: false },
];

const proxies: { close(): void }[] = [];

afterAll(async () => {
  await closeObserved();
  for (const proxy of proxies) proxy.close();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe.skipIf(replicaSet === null).each(SETUPS)(
  `appending $name${skipReason}`,
  ({ name, uri, hidesBulkWrite }) => {
    const inTwo = name !== 'with bulkWrite';
    let near: Awaited<ReturnType<typeof openProxy>>;
    let far: Awaited<ReturnType<typeof openProxy>>;
    let at: Observed;
    let other: Observed;

    beforeAll(async () => {
      near = await openProxy(uri as string, { hidesBulkWrite });
      far = await openProxy(uri as string, { hidesBulkWrite, roundTripMs: 10 });
      proxies.push(near, far);
    });
    beforeEach(async () => {
      at = openObserved(near.uri);
      other = openObserved(near.uri, { database: at.db.databaseName });
      await Promise.all([at.store.ping(), other.store.ping()]);
    });

    const add = (by: Observed, ...contents: string[]) =>
      by.memory.add(
        caller,
        's',
        contents.map((content) => ({ role: 'user', content })),
      );
    const messages = () => at.db.collection<Stored>('mcp_sessions_messages');
    const session = () => at.db.collection('mcp_sessions_sessions').findOne({ session_id: 's' });
    const listed = async () =>
      (await at.memory.list(caller, 's', { order: 'asc', limit: 1000 })).messages.map(
        ({ seq, content }) => `${seq} ${content}`,
      );

    /** What a writer leaves that was killed before it came to the session. */
    async function cutOff(seq: number, fence?: number): Promise<void> {
      const last = (await messages().findOne({}, { sort: { seq: -1 } })) as Stored;
      const { fence: _, ...like } = last;
      await messages().insertOne({
        ...{ ...like, _id: `${last.session_uuid}@${seq}`, seq, uuid: randomUUID() },
        ...{ content: 'cut off', ...(fence !== undefined && { fence }) },
      } as Stored);
    }

    it('shuts out by a fence whoever left an orphan, and removes it', async () => {
      await add(at, 'one');
      await cutOff(2);
      const known = await session();
      expect((await add(other, 'two')).messages).toMatchObject([{ seq: 2 }]);
      expect(await session()).toMatchObject({ fence: 1, last_seq: 2 });
      // What its writer would still send, if it was only late.
      const { _id, last_seq } = known as unknown as { _id: string; last_seq: number };
      const late = await at.db
        .collection<{ _id: string }>('mcp_sessions_sessions')
        .updateOne({ _id, last_seq, fence: null as never }, { $set: { last_seq: 3 } });
      expect(late.matchedCount).toBe(0);
      await cutOff(3);
      await cutOff(4, 1);
      expect((await add(at, 'three', 'four')).messages).toMatchObject([{ seq: 3 }, { seq: 4 }]);
      expect(await session()).toMatchObject({ fence: 2, last_seq: 4 });
      expect(await listed()).toStrictEqual(['1 one', '2 two', '3 three', '4 four']);
      expect(await messages().countDocuments()).toBe(4);
    });

    it('removes with an orphan nothing that came after the fence', async () => {
      await add(at, 'one');
      await cutOff(2);
      // After the fence, and before the removal.
      rightAfter(Collection.prototype, 'findOneAndUpdate', 'mcp_sessions_sessions', () =>
        add(other, 'theirs'),
      );
      await add(at, 'ours');
      expect(await listed()).toStrictEqual(['1 one', '2 theirs', '3 ours']);
      expect(await messages().countDocuments()).toBe(3);
    });

    it('revives a session behind which something was cut off', async () => {
      await add(at, 'one');
      await at.sessions.delete(caller, 's');
      await cutOff(2);
      expect((await add(at, 'two')).revival).toMatchObject({ deleted_message_count: 1 });
      expect(await listed()).toStrictEqual(['2 two']);
      await at.sessions.restore(caller, 's');
      expect(await listed()).toStrictEqual(['1 one', '2 two']);
    });

    it.runIf(inTwo)('begins anew when it was late itself, and leaves nothing behind', async () => {
      await add(at, 'one');
      rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', () =>
        add(other, 'theirs'),
      );
      expect((await add(at, 'ours 1', 'ours 2')).messages).toMatchObject([{ seq: 3 }, { seq: 4 }]);
      expect(await listed()).toStrictEqual(['1 one', '2 theirs', '3 ours 1', '4 ours 2']);
      expect(await messages().countDocuments()).toBe(4);
    });

    it('begins one session for those who begin it at once', async () => {
      const names = Array.from({ length: 20 }, (_, i) => `${i}`);
      await Promise.all(names.map((content, i) => add(i % 2 === 0 ? at : other, content)));
      const found = await listed();
      expect(found).toHaveLength(20);
      expect(new Set(found.map((line) => line.split(' ')[1]))).toStrictEqual(new Set(names));
      expect(await messages().countDocuments()).toBe(20);
    });

    it('shows nobody the messages of a session that was never begun, and sweeps them', async () => {
      await add(at, 'there');
      const like = (await messages().findOne({})) as Stored;
      const lost = [20 * MINUTE, 0, 25 * 60 * MINUTE].map((age) =>
        uuidv7({ msecs: Date.now() - age }),
      );
      for (const [i, session_uuid] of lost.entries()) {
        for (const seq of [1, 2, 3]) {
          const _id = `${session_uuid}@${seq}`;
          await messages().insertOne({
            ...{ ...like, _id, session_uuid, seq, uuid: randomUUID() },
            ...{ session_id: `lost ${i}`, content: 'a fox', terms: ['fox'] },
          } as Stored);
        }
      }
      expect((await at.search.search(caller, { query: 'fox' })).hits).toStrictEqual([]);
      await expect(at.memory.get(caller, 'lost 0')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const cutoff = new Date(0).toISOString();
      expect(await purgeExpired(at.store, { cutoff })).toMatchObject({ messages: 6 });
      // One may still begin.
      const left = await messages().distinct('session_uuid');
      expect(left.toSorted()).toStrictEqual([like.session_uuid, lost[1]].toSorted());
      vi.useFakeTimers({ now: Date.now() + 20 * MINUTE, toFake: ['Date'] });
      expect(await purgeExpired(at.store, { cutoff })).toMatchObject({ messages: 3 });
      expect(await listed()).toStrictEqual(['1 there']);
    });

    it.runIf(inTwo)('sweeps what a writer left that was killed between the two', async () => {
      rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
        throw new Error('killed');
      });
      await expect(add(at, 'one', 'two')).rejects.toMatchObject({ code: 'INTERNAL' });
      await expect(at.memory.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await add(other, 'three')).messages).toMatchObject([{ seq: 1 }]);
      expect(await messages().countDocuments()).toBe(3);
      vi.useFakeTimers({ now: Date.now() + 20 * MINUTE, toFake: ['Date'] });
      const cutoff = new Date(0).toISOString();
      expect(await purgeExpired(other.store, { cutoff })).toMatchObject({ messages: 2 });
      expect(await listed()).toStrictEqual(['1 three']);
    });

    it.runIf(inTwo)('loses nothing to a sweep in between, whatever its clock says', async () => {
      rightAfter(Collection.prototype, 'insertMany', 'mcp_sessions_messages', async () => {
        vi.useFakeTimers({ now: Date.now() + 20 * MINUTE, toFake: ['Date'] });
        const cutoff = new Date(0).toISOString();
        expect(await purgeExpired(other.store, { cutoff })).toMatchObject({ messages: 2 });
        vi.useRealTimers();
      });
      expect((await add(at, 'one', 'two')).messages).toMatchObject([{ seq: 1 }, { seq: 2 }]);
      expect(await listed()).toStrictEqual(['1 one', '2 two']);
      expect(await messages().countDocuments()).toBe(2);
    });

    it('adds 300 sessions at once under one user, and none of them twice', async () => {
      const distant = openObserved(far.uri, { database: at.db.databaseName });
      await distant.store.ping();
      await distant.users.add(caller, { user_id: 'u' });
      await distant.sessions.add(caller, { session_id: 'session 7', user_id: 'u' });
      const outcomes = await Promise.all(
        Array.from({ length: 300 }, (_, i) =>
          distant.sessions
            .add(caller, { session_id: `session ${i}`, user_id: 'u' })
            .then(({ session_id }) => session_id)
            .catch((error: unknown) => error),
        ),
      );
      for (const [i, outcome] of outcomes.entries()) {
        if (i === 7) expect(outcome).toMatchObject({ code: 'ALREADY_EXISTS' });
        else expect(outcome).toBe(`session ${i}`);
      }
      expect(await at.users.delete(caller, 'u')).toMatchObject({ sessions: 300 });
      await expect(
        at.sessions.add(caller, { session_id: 'late', user_id: 'u' }),
      ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('takes 300 at once to one session in a few commands, however far the server is', async () => {
      const distant = openObserved(far.uri, { database: at.db.databaseName });
      await distant.store.ping();
      const answers: { seq?: number; count: number; content: string }[] = [];
      const commands = await distant.sent(() =>
        Promise.all(
          Array.from({ length: 300 }, async (_, i) => {
            const uuid = i % 3 === 0 ? randomUUID() : undefined;
            const content = `message ${i}`;
            const { session, messages } = await distant.memory.add(caller, 's', [
              { role: 'user', content, uuid },
            ]);
            const count = session.message_count;
            answers.push({ seq: messages[0]?.seq as number, count, content });
          }),
        ),
      );
      expect(commands.length).toBeLessThan(20);
      for (const { seq, count } of answers) expect(count).toBe(seq);
      expect(await listed()).toStrictEqual(
        answers
          .toSorted((a, b) => a.count - b.count)
          .map(({ content }, i) => `${i + 1} ${content}`),
      );
    });

    it('answers each of those that went together as if it had gone by itself', async () => {
      const [a, b] = [randomUUID(), randomUUID()];
      const send = (uuid: string | undefined, content: string, metadata = {}) =>
        at.memory.add(caller, 's', [{ role: 'user', content, uuid, metadata }]);
      await send(a, 'a', { large: 'x'.repeat(250_000) });
      const outcomes = await Promise.allSettled([
        send(undefined, 'one'),
        send(a, 'a, too large', { more: 'x'.repeat(250_000) }),
        send(b, 'b'),
        send(a, 'a again', { large: null }),
        send(b, 'b again'),
        send(undefined, 'two'),
      ]);
      expect(outcomes.map(({ status }) => status)).toStrictEqual(
        [0, 1, 2, 3, 4, 5].map((i) => (i === 1 ? 'rejected' : 'fulfilled')),
      );
      expect(outcomes[1]).toMatchObject({ reason: { code: 'INVALID_ARGUMENT' } });
      expect(await listed()).toStrictEqual(['1 a again', '2 one', '3 b again', '4 two']);
      expect(await at.memory.getMessage(caller, 's', b)).toMatchObject({ content: 'b again' });
    });

    it('leaves the session free while it updates messages in place', async () => {
      const sent = ['1', '2'].map((content) => ({ role: 'user', content, uuid: randomUUID() }));
      await at.memory.add(caller, 's', sent);
      const one = await at.sent(() => at.memory.add(caller, 's', sent.slice(0, 1)));
      expect(one).toStrictEqual(['find', 'aggregate', 'find', 'update', 'delete', 'update']);
      // Within the transaction, if there is one.
      rightAfter(Collection.prototype, 'bulkWrite', 'mcp_sessions_messages', () =>
        add(other, 'meanwhile'),
      );
      const again = sent.map((message) => ({ ...message, content: `${message.content} again` }));
      expect((await at.memory.add(caller, 's', again)).messages).toMatchObject([
        { seq: 1, status: 'updated' },
        { seq: 2, status: 'updated' },
      ]);
      expect(await listed()).toStrictEqual(['1 1 again', '2 2 again', '3 meanwhile']);
    });

    it('does not let one that fails take others with it', async () => {
      await add(at, 'one');
      const { bulkWrite } = at.client;
      const insert = Collection.prototype.insertMany;
      const poisoned = (given: unknown) => JSON.stringify(given).includes('poison');
      vi.spyOn(at.client, 'bulkWrite').mockImplementation(async function (this: never, ...given) {
        if (poisoned(given)) throw new Error('poisoned');
        return bulkWrite.apply(at.client, given as never) as never;
      });
      vi.spyOn(Collection.prototype, 'insertMany').mockImplementation(async function (
        this: Collection,
        ...given
      ) {
        if (poisoned(given)) throw new Error('poisoned');
        return insert.apply(this, given);
      });
      const contents = ['two', 'three', 'poison', 'four'];
      const outcomes = await Promise.allSettled(contents.map((content) => add(at, content)));
      expect(outcomes.map(({ status }) => status)).toStrictEqual([
        ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
      ]);
      expect((await listed()).map((line) => line.split(' ')[1]).toSorted()).toStrictEqual(
        ['one', 'two', 'three', 'four'].toSorted(),
      );
    });
  },
);
