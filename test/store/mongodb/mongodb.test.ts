import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Document } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MessageList } from '../../../src/services/memory.ts';
import { purgeExpired } from '../../../src/services/purge.ts';
import { createMongoClient, openMongoStore } from '../../../src/store/mongodb/index.ts';
import { mergePipeline } from '../../../src/store/mongodb/merge-patch.ts';
import type { SearchScope } from '../../../src/store/search-port.ts';
import {
  closeObserved,
  type Observed,
  openObserved as open,
  replicaSet,
  skipReason,
  standalone,
} from '../../support/observed-store.ts';
import { harness, useOf } from '../../support/stores.ts';

const caller = { namespace: 'n' };
const owner = { namespace: 'n', user_id: 'u' };
const DAY = 86_400_000;

afterAll(closeObserved);

const user = (user_id: string) => ({
  user_id,
  uuid: randomUUID(),
  metadata: {},
  created_at: '2100-01-01T00:00:00.000Z',
  updated_at: '2100-01-01T00:00:00.000Z',
});

const UUID = randomUUID();

/** What only this adapter has to do: indexes, round trips, transactions. */
describe.skipIf(replicaSet === null)(`the MongoDB store${skipReason}`, () => {
  describe('uses', () => {
    let at: Observed;
    beforeAll(async () => {
      at = open(replicaSet);
      await at.store.users.insert('n', user('u'));
      await at.sessions.add(caller, { session_id: 's' });
      await at.sessions.add(caller, { session_id: 'mine', user_id: 'u' });
      await at.memory.add(caller, 'talk', [...said(4), { uuid: UUID, role: 'user', content: 'x' }]);
      await at.memory.add(caller, 'long', said(300));
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
        await at.store.users.insert('n', user(user_id));
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
        const asked = callers.map((reach) =>
          Promise.all(ids.map((id) => at.store.sessions.find(reach, id))),
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

    it.each([1, 1000])(
      'two round trips to add %i messages to a session that it does not know, and one from then on',
      async (n) => {
        const names = (id: string) => at.sent(() => at.memory.add(caller, id, said(n)));
        const two = ['aggregate', 'bulkWrite'];
        expect(await names(`new-${n}`)).toStrictEqual(two);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
        await at.sessions.delete(caller, `new-${n}`);
        expect(await names(`new-${n}`)).toStrictEqual(two);
        expect(await names(`new-${n}`)).toStrictEqual(['bulkWrite']);
      },
    );

    it('a transaction of three round trips to set a summary', async () => {
      const summary = { content: 'x', up_to_seq: 5 };
      const sent = await at.commands(() => at.memory.summarize(caller, 'talk', summary));
      expect(sent).toHaveLength(3);
    });

    it('one round trip more to add messages that have uuids, to a session that is there', async () => {
      const messages = said(3).map((message) => ({ ...message, uuid: randomUUID() }));
      const names = (uuids = messages) => at.sent(() => at.memory.add(caller, 'uuids', uuids));
      expect(await names()).toStrictEqual(['aggregate', 'bulkWrite']);
      const others = messages.map((message) => ({ ...message, uuid: randomUUID() }));
      expect(await names(others)).toStrictEqual(['find', 'bulkWrite']);
    });

    it('a transaction of three round trips to add a session under a user', async () => {
      const work = () => at.sessions.add(caller, { session_id: 'owned', user_id: 'u' });
      expect(await at.sent(work)).toStrictEqual(['update', 'insert', 'commitTransaction']);
    });

    it('no more of what is read than is shown', async () => {
      await at.memory.add(caller, 'long', said(20));
      const replies: Document[] = [];
      const listen = ({ reply }: { reply: unknown }) => replies.push(reply as Document);
      at.client.on('commandSucceeded', listen);
      await at.memory.list(caller, 'long', { order: 'asc', limit: 10 });
      at.client.off('commandSucceeded', listen);
      const rows: Document[] = replies[0]?.cursor.firstBatch;
      expect(rows.map(({ session }) => session !== undefined)).toStrictEqual([true, false, false]);
      expect(rows.flatMap(({ messages }) => messages)).toHaveLength(10);
      expect(JSON.stringify(rows)).not.toContain('"terms"');
    });

    it('majority and journal for every write, and majority for every read', async () => {
      const [insert] = await at.commands(() => at.sessions.add(caller, { session_id: 'durable' }));
      expect(insert?.command.writeConcern).toMatchObject({ w: 'majority', j: true });
      const [find] = await at.commands(() => at.sessions.get(caller, 's'));
      expect(find?.command.readConcern).toMatchObject({ level: 'majority' });
    });
  });

  describe('explains', () => {
    let at: Observed;
    beforeAll(async () => {
      at = open(replicaSet);
      await at.store.users.insert('n', user('u'));
      for (let i = 0; i < 60; i++) {
        at.clock.now += i % 2;
        const owner = i % 3 === 0 ? { user_id: 'u' } : {};
        await at.sessions.add(caller, { session_id: `s${i}`, ...owner });
      }
      for (let i = 0; i < 60; i += 4) await at.sessions.delete(caller, `s${i}`);
      await at.memory.add(caller, 'talk', said(500));
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

    describe('of what is newest in a scope the beginning of one stretch:', () => {
      beforeAll(async () => {
        await at.sessions.add(caller, { session_id: 'wordy', user_id: 'u' });
        const many = Array.from({ length: 700 }, () => ({ role: 'user', content: 'common word' }));
        for (const session of ['wordy', 'nobodys']) await at.memory.add(caller, session, many);
        const { messages } = await at.store.vectors.unembedded('m', undefined, 2000);
        const vector = new Uint8Array(4);
        for (let done = 0; done < messages.length; done += 100) {
          const some = messages.slice(done, done + 100);
          await at.store.vectors.put(
            'm',
            some.map((message) => ({ ...message, digest: 'd', vector })),
          );
        }
      });

      const terms = { terms: ['common'], also: [], limit: 50 };
      const vectors = { model: 'm', limit: 50 };
      const scopes: [string, SearchScope][] = [
        ['a session', { session_id: 'wordy' }],
        ['a user', { user_id: 'u' }],
        ['the namespace', {}],
      ];

      it.each(
        scopes.flatMap(([where, scope]): [string, string, () => Promise<unknown>][] => [
          ['messages with a word', where, () => at.store.search.candidates('n', scope, terms)],
          ['vectors', where, () => at.store.vectors.newest('n', scope, vectors)],
        ]),
      )('%s, in %s', async (_, where, look) => {
        const plan = await explained(at, look);
        expect(plan.stages).toContain('IXSCAN');
        expect(plan.stages).not.toContain('COLLSCAN');
        expect(plan.stages).not.toContain('SORT');
        // As many as are wanted, one to see whether there are more, and the sessions that they are in.
        const sessions = where === 'the namespace' ? 2 : 1;
        expect(plan.keysExamined).toBeLessThanOrEqual(51 + sessions);
        expect(plan.docsExamined).toBeLessThanOrEqual(51 + sessions);
      });
    });

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
      ['a change by the owner', () => at.sessions.updateMetadata(owner, 's3', { a: 1 })],
      ['completion', () => at.sessions.complete(caller, 's1', 2)],
      ['list_users', () => at.users.list(caller, { ...NEWEST, limit: 2 })],
      ['get_user', () => at.users.get(caller, 'u')],
      ['update_user', () => at.users.update(caller, 'u', { metadata: { a: 1 } })],
      ['completion of users', () => at.users.complete(caller, 'u', 2)],
      ['the dry run of a purge', () => at.store.countExpired('2099-01-01T00:00:00.000Z')],
      ['a purge', () => at.store.purge('2099-01-01T00:00:00.000Z', 10)],
    ])('%s by an index', async (_, work) => {
      const plan = await explained(at, work);
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.keysExamined).toBeLessThanOrEqual(3);
    });
  });

  describe('explains', () => {
    let at: Observed;
    beforeAll(async () => {
      at = open(replicaSet);
      await at.memory.add(caller, 'talk', said(500));
    });

    it.each<[string, number, () => Promise<unknown>]>([
      ['get_memory', 24, () => at.memory.get(caller, 'talk')],
      ['the first page of list_messages', 11, () => page({ limit: 10 })],
      ['a page in the middle', 11, () => page({ limit: 10, from_seq: 250 })],
      ['a page by number', 11, () => page({ page_size: 10, page_number: 25 })],
      ['a page from the end', 11, () => page({ limit: 10, order: 'desc' })],
    ])('%s as one range of %i keys beside the session', async (_, keys, work) => {
      const plan = await explained(at, work);
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.stages).not.toContain('SORT');
      expect(plan.keysExamined).toBeLessThanOrEqual(1 + keys);
      expect(plan.docsExamined).toBeLessThanOrEqual(1 + keys);
    });

    it('appending by indexes only', async () => {
      const uuid = randomUUID();
      const messages = [{ uuid, role: 'user', content: 'x' }];
      const plan = await explained(at, () => at.memory.add(caller, 'talk', messages));
      expect(plan.stages).not.toContain('COLLSCAN');
      expect(plan.keysExamined).toBeLessThanOrEqual(3);
    });

    const page = (list: Partial<MessageList>) =>
      at.memory.list(caller, 'talk', { order: 'asc', ...list });
  });

  describe('has the server purge', () => {
    const purgeIndex = async ({ db }: Observed, collection = 'mcp_sessions_sessions') =>
      (await db.collection(collection).indexes()).find(({ name }) => name === 'purge');
    const gone = async (at: Observed) => {
      while ((await at.db.collection('mcp_sessions_sessions').countDocuments()) > 0)
        await delay(100);
    };

    it('after the time that is set, by a TTL index that every start brings up to date', async () => {
      const at = open(replicaSet, { kind: 'command' });
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
      const at = open(replicaSet, { purgeAfter: 7 * DAY });
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
      const at = open(replicaSet, { purgeAfter: 1000 });
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

    it('no session that has messages, which the sweep purges with it', async () => {
      const at = open(replicaSet, { purgeAfter: 1000 });
      at.clock.now = Date.now();
      await at.memory.add(caller, 'talk', said(3));
      await at.sessions.add(caller, { session_id: 'empty' });
      await at.sessions.delete(caller, 'talk');
      await at.sessions.delete(caller, 'empty');
      const sessions = at.db.collection('mcp_sessions_sessions');
      while ((await sessions.countDocuments({ session_id: 'empty' })) > 0) await delay(100);
      expect(await sessions.countDocuments({ session_id: 'talk' })).toBe(1);
      await purgeExpired(at.store, { cutoff: new Date(at.clock.now).toISOString() });
      expect(await sessions.countDocuments()).toBe(0);
      for (const name of ['messages', 'summaries', 'purged_sessions']) {
        expect(await at.db.collection(`mcp_sessions_${name}`).countDocuments()).toBe(0);
      }
    });

    it('a session that is restored in the same moment whole, or not at all', async () => {
      const at = open(replicaSet, { purgeAfter: 1000 });
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

  it('merges with stages whose number grows with the depth of a patch, not with its size', () => {
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, { a: i }]));
    expect(mergePipeline(wide, new Date())).toHaveLength(5);
    expect(mergePipeline({ a: 1 }, new Date())).toHaveLength(3);
  });
});

describe.skipIf(standalone === null)(`the MongoDB store, standalone${skipReason}`, () => {
  it('starts no transaction, which a standalone mongod would refuse', async () => {
    const at = open(standalone);
    await at.store.users.insert('n', user('u'));
    const sent = await at.commands(async () => {
      await at.sessions.add(caller, { session_id: 'owned', user_id: 'u' });
      await at.sessions.delete(caller, 'owned');
      await at.sessions.restore(caller, 'owned');
      await at.memory.add(caller, 'owned', said(3));
      await at.memory.summarize(caller, 'owned', { content: 'x', up_to_seq: 3 });
      await at.users.delete(caller, 'u');
      await at.users.restore(caller, 'u');
      await purgeExpired(at.store, { cutoff: new Date(at.clock.now).toISOString() });
    });
    for (const { command } of sent) {
      expect(command).not.toHaveProperty('startTransaction');
      expect(command).not.toHaveProperty('txnNumber');
    }
  });
});

const NEWEST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;
const COUNTED = { ...NEWEST, include_total: true };

const said = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ role: 'user', content: `message ${i}` }));

/** How the server ran the commands of `work`: asked once more, to be explained. */
async function explained(at: Observed, work: () => Promise<unknown>) {
  const commands = await at.commands(work);
  const plan = { stages: [] as string[], keysExamined: 0, docsExamined: 0 };
  for (const { command, commandName } of commands) {
    if (!['find', 'aggregate', 'count', 'findAndModify'].includes(commandName)) continue;
    const { lsid: _, $clusterTime: __, txnNumber: ___, $db: ____, ...bare } = command as Document;
    const answer = await at.db.command({ explain: bare, verbosity: 'executionStats' });
    collect(answer, plan);
  }
  expect(plan.stages).not.toHaveLength(0);
  return plan;
}

function collect(
  node: unknown,
  plan: { stages: string[]; keysExamined: number; docsExamined: number },
) {
  if (Array.isArray(node)) for (const child of node) collect(child, plan);
  else if (typeof node === 'object' && node !== null) {
    for (const [key, value] of Object.entries(node)) {
      if (key === 'stage' && typeof value === 'string') plan.stages.push(value);
      else if (key === 'totalKeysExamined') plan.keysExamined += Number(value);
      else if (key === 'totalDocsExamined') plan.docsExamined += Number(value);
      else collect(value, plan);
    }
  }
}

describe.skipIf(standalone === null)(`a standalone server that was cut off${skipReason}`, () => {
  it('has its half-done deletion of a user finished by the next process', async () => {
    const at = open(standalone);
    await at.store.users.insert('n', user('u'));
    for (const session_id of ['a', 'b']) {
      await at.sessions.add(caller, { session_id, user_id: 'u' });
    }
    // What a crash right after the first of the writes leaves behind.
    await at.db
      .collection('mcp_sessions_users')
      .updateOne(
        { user_id: 'u' },
        { $set: { live: false, deleted_at: new Date(at.clock.now), cascade: 'delete' } },
      );
    const client = createMongoClient(standalone as string);
    const store = openMongoStore({
      client,
      database: at.db.databaseName,
      ...useOf({ purgeAfter: DAY }),
    });
    const next = harness(store);
    await expect(next.sessions.get(caller, 'a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await next.users.delete(caller, 'u')).toMatchObject({ sessions: 2 });
    expect((await next.users.restore(caller, 'u')).sessions).toBe(2);
    expect(await next.sessions.get(caller, 'b')).toBeDefined();
    await store.close();
  });

  it('removes messages that a crash kept from becoming part of their session', async () => {
    const at = open(standalone);
    await at.memory.add(caller, 's', said(2));
    const session = await at.db.collection('mcp_sessions_sessions').findOne({ session_id: 's' });
    // What a crash between the insert and the last write leaves behind.
    const session_uuid = String(session?._id);
    const _id = `${session_uuid}@3`;
    const orphan = { namespace: 'n', session_id: 's', session_uuid, seq: 3 };
    const text = { uuid: randomUUID(), role: 'user', content: 'orphan', metadata: {} };
    const rest = { token_count: 1, revision: 0, created_at: new Date(), updated_at: new Date() };
    const messages = at.db.collection<{ _id: string }>('mcp_sessions_messages');
    await messages.insertOne({ _id, ...orphan, ...text, ...rest });
    const added = await at.memory.add(caller, 's', said(1));
    expect(added).toMatchObject({ session: { message_count: 3 }, messages: [{ seq: 3 }] });
    const again = [{ ...text, content: 'retried' }];
    expect((await at.memory.add(caller, 's', again)).messages).toMatchObject([
      { seq: 4, status: 'created' },
    ]);
    const listed = await at.memory.list(caller, 's', { order: 'asc' });
    expect(listed.messages.map(({ seq }) => seq)).toStrictEqual([1, 2, 3, 4]);
    expect(listed.messages[3]).toMatchObject({ uuid: text.uuid, content: 'retried' });
    expect(await messages.countDocuments()).toBe(4);
  });
});
