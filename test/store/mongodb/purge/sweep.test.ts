import { v7 as uuidv7 } from 'uuid';
import { afterAll, describe, expect, it } from 'vitest';
import { purgeExpired } from '../../../../src/services/purge.ts';
import {
  closeObserved,
  type Observed,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { COUNTED } from '../../../support/records.ts';

const SESSIONS = 3000;
const MESSAGES = 2;

afterAll(closeObserved);

/** Sessions as they are a minute after their last message, some of them deleted. */
async function insertSessions({ db }: Observed, deleted: (i: number) => boolean): Promise<void> {
  const at = new Date(Date.now() - 60_000);
  const sessions = Array.from({ length: SESSIONS }, (_, i) => ({
    ...{ _id: uuidv7({ msecs: at.getTime() + i }), namespace: 'n', session_id: `s${i}` },
    ...{ metadata: {}, created_at: at, updated_at: at, revision: 0 },
    ...{ live: !deleted(i), ...(deleted(i) && { deleted_at: at }) },
    ...{ first_seq: 1, last_seq: MESSAGES },
  }));
  const messages = sessions.flatMap(({ _id, namespace, session_id }) =>
    Array.from({ length: MESSAGES }, (_, i) => ({
      ...{ _id: `${_id}@${i + 1}`, namespace, session_id, session_uuid: _id, seq: i + 1 },
      ...{ uuid: uuidv7(), role: 'user', content: 'a fox', terms: ['fox'], metadata: {} },
      ...{ token_count: 2, created_at: at, updated_at: at, revision: 0 },
    })),
  );
  await db.collection<{ _id: string }>('mcp_sessions_sessions').insertMany(sessions);
  await db.collection<{ _id: string }>('mcp_sessions_messages').insertMany(messages);
}

describe.skipIf(replicaSet === null)(`the sweep of a MongoDB database${skipReason}`, () => {
  const count = ({ db }: Observed, name: string, filter = {}) =>
    db.collection(`mcp_sessions_${name}`).countDocuments(filter);

  it('purges many sessions with a few commands', async () => {
    const at = openObserved(replicaSet);
    await at.store.ping();
    await insertSessions(at, (i) => i % 3 === 0);
    const cutoff = new Date().toISOString();
    const commands = await at.commands(async () => {
      expect(await purgeExpired(at.store, { cutoff })).toStrictEqual({
        ...{ sessions: SESSIONS / 3, messages: (SESSIONS / 3) * MESSAGES, users: 0 },
      });
    });
    expect(commands.length).toBeLessThan(60);
    expect(await count(at, 'sessions', { live: true })).toBe(2000);
    expect(await count(at, 'sessions')).toBe(2000);
    expect(await count(at, 'messages')).toBe(2000 * MESSAGES);
  });

  it('removes what the TTL index left of sessions, between those that stay', async () => {
    const at = openObserved(replicaSet);
    await at.store.ping();
    await insertSessions(at, () => false);
    const sessions = at.db.collection('mcp_sessions_sessions');
    const gone = { session_id: { $regex: '[05]$' } };
    await sessions.deleteMany(gone);
    const cutoff = new Date(0).toISOString();
    const commands = await at.commands(async () => {
      expect(await purgeExpired(at.store, { cutoff })).toStrictEqual({
        ...{ sessions: 0, messages: (SESSIONS / 5) * MESSAGES, users: 0 },
      });
    });
    expect(commands.length).toBeLessThan(80);
    expect(await count(at, 'messages', gone)).toBe(0);
    expect(await count(at, 'messages')).toBe((SESSIONS - SESSIONS / 5) * MESSAGES);
    // Not found a second time, and no session of anybody's.
    expect(await purgeExpired(at.store, { cutoff })).toMatchObject({ messages: 0 });
    expect(await at.sessions.list({ namespace: 'n' }, { ...COUNTED, limit: 1 })).toMatchObject({
      total_count: SESSIONS - SESSIONS / 5,
    });
  });

  it('is finished by another server if one is ended in the middle of it', async () => {
    const at = openObserved(replicaSet);
    await at.store.ping();
    await insertSessions(at, () => false);
    await at.db.collection('mcp_sessions_sessions').deleteMany({});
    const cutoff = new Date(0).toISOString();
    expect(await at.store.purge(cutoff, 500)).toMatchObject({ messages: 500 });
    const other = openObserved(replicaSet, { database: at.db.databaseName });
    expect(await purgeExpired(other.store, { cutoff })).toStrictEqual({
      ...{ sessions: 0, messages: SESSIONS * MESSAGES - 500, users: 0 },
    });
    expect(await count(at, 'messages')).toBe(0);
  });

  it('finishes the deletion of a user that was cut off, and purges the user only then', async () => {
    const at = openObserved(replicaSet);
    await at.users.add({ namespace: 'n' }, { user_id: 'u' });
    await at.sessions.add({ namespace: 'n' }, { session_id: 's', user_id: 'u' });
    const deletion = { live: false, deleted_at: new Date(0), cascade: 'delete' };
    await at.db.collection('mcp_sessions_users').updateOne({}, { $set: deletion });
    const cutoff = new Date(1).toISOString();
    expect(await purgeExpired(at.store, { cutoff })).toMatchObject({ users: 1, sessions: 1 });
    expect(await count(at, 'sessions')).toBe(0);
    expect(await count(at, 'users')).toBe(0);
  });
});
