import { randomUUID } from 'node:crypto';
import { type Db, MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { COLLECTION } from '../../../../src/store/mongodb/documents.ts';
import { createMongoClient, openMongoStore } from '../../../../src/store/mongodb/index.ts';
import type { Store } from '../../../../src/store/port.ts';
import { contentOf, foreignDocuments } from '../../../support/mongodb-content.ts';
import { replicaSet, skipReason } from '../../../support/observed-store.ts';
import { harness, type StoreOptions, useOf } from '../../../support/stores.ts';

const caller = { namespace: 'n' };
const KINDS = ['server', 'command', 'reader'] as const;
const NEWER = 99;

describe.skipIf(replicaSet === null)(`a MongoDB database${skipReason}`, () => {
  let admin: MongoClient;
  let db: Db;
  const opened: Store[] = [];
  beforeAll(() => {
    admin = new MongoClient(replicaSet as string);
  });
  beforeEach(() => {
    db = admin.db(`test_${randomUUID().replaceAll('-', '')}`);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((store) => store.close()));
    await db.dropDatabase();
  });
  afterAll(() => admin.close());

  function open(options: StoreOptions = {}): Store {
    const client = createMongoClient(replicaSet as string);
    const store = openMongoStore({ client, database: db.databaseName, ...useOf(options) });
    opened.push(store);
    return store;
  }

  const metadata = () =>
    db.collection<{ _id: string } & Record<string, unknown>>(COLLECTION.metadata);
  const say = (more: object) =>
    metadata().insertOne({ _id: 'database', owner: 'mcp-sessions', schema_version: 1, ...more });

  /** All that a store can be asked for, and that its start and its sweep do. */
  async function refused(store: Store, words: string[]): Promise<void> {
    const { sessions, memory, users } = harness(store);
    const at = new Date().toISOString();
    for (const work of [
      () => store.ping(),
      () => sessions.get(caller, 's'),
      () => sessions.add(caller, { session_id: 's' }),
      () => memory.add(caller, 's', [{ role: 'user', content: 'x' }]),
      () => users.list(caller, { order_by: 'created_at', order: 'desc', deleted: 'only' }),
      () => store.countExpired(at),
      () => store.purge(at, 10),
      () => store.agreeRetention(),
    ]) {
      const error = await work().then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      expect(error).toMatchObject({ code: 'INTERNAL', retryable: false });
      for (const word of words) expect(error?.message).toContain(word);
    }
  }

  describe('with documents in a collection of our name that this product did not make', () => {
    it.each(
      Object.values(COLLECTION).flatMap((name) => KINDS.map((kind) => [name, kind] as const)),
    )('%s is refused to a %s, and left as it is', async (name, kind) => {
      await db.collection(name).insertMany(foreignDocuments(5));
      await db.collection(name).createIndex({ deleted_at: 1 }, { name: 'theirs' });
      const before = await contentOf(db);
      await refused(open({ kind, purgeAfter: 1000 }), ['MONGODB_DATABASE', 'mcp_sessions_']);
      expect(await contentOf(db)).toStrictEqual(before);
    });

    it('is refused for an empty one, too, and for a view', async () => {
      await db.createCollection(COLLECTION.users);
      await refused(open(), [COLLECTION.users]);
      await db.dropCollection(COLLECTION.users);
      await db.collection('theirs').insertMany(foreignDocuments(5));
      await db.createCollection(COLLECTION.sessions, { viewOn: 'theirs', pipeline: [] });
      const before = await contentOf(db);
      await refused(open(), [COLLECTION.sessions]);
      expect(await contentOf(db)).toStrictEqual(before);
    });

    it('is used once that is mended, without a restart', async () => {
      await db.collection(COLLECTION.users).insertMany(foreignDocuments(5));
      const [server, reader] = [open(), open({ kind: 'reader' })];
      await refused(server, [COLLECTION.users]);
      await refused(reader, [COLLECTION.users]);
      await db.collection(COLLECTION.users).rename('theirs');
      await harness(server).sessions.add(caller, { session_id: 's' });
      expect(await harness(reader).sessions.get(caller, 's')).toBeDefined();
      expect(await db.collection('theirs').countDocuments()).toBe(5);
    });
  });

  it.each(
    KINDS.flatMap((kind) =>
      [
        { owner: 'another program' },
        { owner: undefined },
        { schema_version: 'one' },
        { schema_version: 0 },
        { schema_version: 1.5 },
      ].map((said) => [kind, said] as const),
    ),
  )('is refused to a %s where its metadata says %j', async (kind, said) => {
    await say(said);
    const before = await contentOf(db);
    await refused(open({ kind }), ['MONGODB_DATABASE', COLLECTION.metadata]);
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it.each(KINDS)('of a newer version is refused to a %s, and left as it is', async (kind) => {
    await say({ schema_version: NEWER });
    await db.collection(COLLECTION.sessions).insertMany(foreignDocuments(5));
    const before = await contentOf(db);
    await refused(open({ kind, purgeAfter: 1000 }), ['newer version', 'MONGODB_DATABASE']);
    expect(await contentOf(db)).toStrictEqual(before);
  });

  it.each(KINDS)('is not used by a %s any more once a newer version has come', async (kind) => {
    const server = open();
    await harness(server).sessions.add(caller, { session_id: 's' });
    const store = kind === 'server' ? server : open({ kind });
    expect(await harness(store).sessions.get(caller, 's')).toBeDefined();
    await metadata().updateOne({ _id: 'database' }, { $set: { schema_version: NEWER } });
    await expect(store.agreeRetention()).rejects.toMatchObject({ code: 'INTERNAL' });
    await refused(store, ['newer version']);
  });

  it('is claimed once by many servers that start at the same time', async () => {
    const stores = Array.from({ length: 8 }, () => open());
    await Promise.all(
      stores.map((store, i) => harness(store).sessions.add(caller, { session_id: `s${i}` })),
    );
    const found = await metadata().find().toArray();
    expect(found).toMatchObject([{ owner: 'mcp-sessions', schema_version: 1 }]);
    expect(await db.collection(COLLECTION.sessions).countDocuments()).toBe(8);
  });

  it('says whose it is before anything else is written to it', async () => {
    const client = createMongoClient(replicaSet as string, { monitorCommands: true });
    const written: string[] = [];
    client.on('commandStarted', ({ command, commandName }) => {
      if (['findAndModify', 'createIndexes', 'insert', 'update'].includes(commandName)) {
        written.push(command[commandName]);
      }
    });
    const store = openMongoStore({ client, database: db.databaseName, ...useOf() });
    opened.push(store);
    await store.ping();
    expect(written[0]).toBe(COLLECTION.metadata);
    expect(written).toContain(COLLECTION.sessions);
  });

  it('is set up again by a server whose database was dropped, with its next sweep', async () => {
    const store = open();
    await store.ping();
    await db.dropDatabase();
    await store.agreeRetention();
    const names = Object.keys(await contentOf(db));
    expect(names).toContain(COLLECTION.metadata);
    expect(await db.collection(COLLECTION.sessions).indexes()).not.toHaveLength(1);
  });

  describe('that is empty', () => {
    it.each(['reader', 'command'] as const)(
      'is read by a %s as one without records, and stays as it is',
      async (kind) => {
        const store = open({ kind });
        const { sessions, search } = harness(store);
        const list = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;
        expect(await sessions.list(caller, list)).toMatchObject({ records: [] });
        await expect(sessions.get(caller, 's')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        expect((await search.search(caller, { query: 'a fox' })).hits).toStrictEqual([]);
        await store.ping();
        await store.agreeRetention();
        const at = new Date().toISOString();
        expect(await store.countExpired(at)).toMatchObject({ sessions: 0, messages: 0, users: 0 });
        expect(await contentOf(db)).toStrictEqual({});
        // Not until somebody sets it up.
        await harness(open()).sessions.add(caller, { session_id: 's' });
        expect(await sessions.get(caller, 's')).toBeDefined();
      },
    );
  });

  it.each(KINDS)(
    'keeps the collections of another program beside ours, with a %s',
    async (kind) => {
      for (const name of ['users', 'sessions', 'messages']) {
        await db.collection(name).insertMany(foreignDocuments(5));
      }
      const before = await contentOf(db);
      const store = open({ kind, purgeAfter: 1000 });
      await store.ping();
      await store.agreeRetention();
      await store.countExpired(new Date().toISOString());
      await store.purge(new Date().toISOString(), 100);
      expect(await contentOf(db)).toMatchObject(before);
      if (kind !== 'server') expect(await contentOf(db)).toStrictEqual(before);
    },
  );
});
