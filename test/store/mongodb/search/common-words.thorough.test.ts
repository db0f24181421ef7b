import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMongoClient, openMongoStore } from '../../../../src/store/mongodb/index.ts';
import type { Store } from '../../../../src/store/port.ts';
import { replicaSet, skipReason } from '../../../support/observed-store.ts';
import { type Harness, harness, useOf } from '../../../support/stores.ts';

const caller = { namespace: 'n' };
const SESSIONS = 600;
const EACH = 100;

/** A server that goes through all 60,000 messages of a word does not do it in the time of a look. */
describe.skipIf(replicaSet === null)(`a word that every message has${skipReason}`, () => {
  let store: Store;
  let at: Harness;
  let db: Db;
  beforeAll(async () => {
    const client = createMongoClient(replicaSet as string);
    const database = `test_${randomUUID().replaceAll('-', '')}`;
    store = openMongoStore({ client, database, ...useOf() });
    at = harness(store);
    db = client.db(database);
    await store.ping();
    for (let i = 0; i < SESSIONS; i++) await addSession(i);
  });
  afterAll(async () => {
    await db.dropDatabase();
    await store.close();
  });

  /** As the store would, which takes longer for all that it guarantees. */
  async function addSession(number: number) {
    const timeOf = (i: number) => new Date(Date.UTC(2100, 0, 1) + number * EACH + i);
    const key = { namespace: 'n', session_id: `s${number}` };
    const session_uuid = randomUUID();
    const times = { created_at: timeOf(0), updated_at: timeOf(EACH) };
    const session = { _id: session_uuid, ...key, ...times, metadata: {}, live: true };
    const sessions = db.collection<{ _id: string }>('mcp_sessions_sessions');
    await sessions.insertOne({ ...session, ...{ first_seq: 1, last_seq: EACH, revision: 0 } });
    const terms = number === 0 ? ['rare', 'usual'] : ['usual'];
    const messages = Array.from({ length: EACH }, (_, i) => ({
      _id: `${session_uuid}@${i + 1}`,
      ...{
        ...key,
        session_uuid,
        seq: i + 1,
        uuid: randomUUID(),
        role: 'user',
        content: terms.join(' '),
      },
      ...{ metadata: {}, token_count: 2, terms, revision: 0 },
      ...{ created_at: timeOf(i), updated_at: timeOf(i) },
    }));
    await db.collection<{ _id: string }>('mcp_sessions_messages').insertMany(messages);
  }

  it('is found in the newest sessions, and the answer says that there is more', async () => {
    const found = await at.search.search(caller, { query: 'usual', limit: 20 });
    expect(found.hits).toHaveLength(20);
    expect(found.considered_count).toBeGreaterThanOrEqual(100);
    for (const { session } of found.hits) {
      expect(Number(session.session_id.slice(1))).toBeGreaterThanOrEqual(SESSIONS - 10);
    }
    expect(found.advice).toContain('Some words are in many messages');
  });

  it('has its newest messages considered', async () => {
    const query = { terms: ['usual'], also: [], limit: 50 };
    const { candidates, cut } = await store.search.candidates('n', {}, query);
    expect(cut).toStrictEqual(['usual']);
    const newest = Array.from({ length: 50 }, (_, i) => `s${SESSIONS - 1}/${EACH - i}`);
    expect(candidates.map(({ session_id, seq }) => `${session_id}/${seq}`)).toStrictEqual(newest);
  });

  it('does not hide a word beside it that few have, long ago', async () => {
    const found = await at.search.search(caller, { query: 'usual rare', limit: 5 });
    expect(found.hits.map(({ session }) => session.session_id)).toStrictEqual(
      Array.from({ length: 5 }, () => 's0'),
    );
  });
});
