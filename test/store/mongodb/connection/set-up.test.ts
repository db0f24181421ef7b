import { setTimeout as delay } from 'node:timers/promises';
import { Collection } from 'mongodb';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  closeObserved,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { rightAfter } from '../../../support/right-after.ts';

const caller = { namespace: 'n' };

afterAll(closeObserved);
afterEach(() => vi.restoreAllMocks());

describe.skipIf(replicaSet === null)(`setting up a MongoDB database${skipReason}`, () => {
  it('goes on while calls are told that it does', async () => {
    const at = openObserved(replicaSet);
    let finish = () => {};
    const built = new Promise<void>((resolve) => {
      finish = resolve;
    });
    rightAfter(Collection.prototype, 'createIndexes', 'mcp_sessions_messages', () => built);
    const add = () => at.sessions.add(caller, { session_id: 's' });
    for (const call of ['the first', 'the second']) {
      const refused = await add().catch((error: unknown) => error);
      expect({ call, refused }).toMatchObject({
        refused: {
          code: 'UNAVAILABLE',
          message: expect.stringMatching(/building the indexes .* nothing was changed/),
        },
      });
    }
    finish();
    await delay(100);
    expect(await add()).toMatchObject({ session_id: 's' });
  });

  it('builds an index anew that was changed under its name', async () => {
    const at = openObserved(replicaSet);
    await at.store.ping();
    const messages = at.db.collection('mcp_sessions_messages');
    await messages.dropIndex('position');
    await messages.createIndex({ seq: 1 }, { name: 'position' });
    const next = openObserved(replicaSet, { database: at.db.databaseName });
    await next.store.ping();
    expect(await messages.indexes()).toContainEqual(
      expect.objectContaining({ name: 'position', key: { session_uuid: 1, seq: 1 } }),
    );
  });

  it('names an index of somebody else that is in the way, and leaves it', async () => {
    const at = openObserved(replicaSet);
    await at.store.ping();
    const messages = at.db.collection('mcp_sessions_messages');
    await messages.dropIndex('position');
    await messages.createIndex({ session_uuid: 1, seq: 1 }, { name: 'theirs' });
    const next = openObserved(replicaSet, { database: at.db.databaseName });
    await expect(next.store.ping()).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('dropIndex("theirs")'),
    });
    await messages.dropIndex('theirs');
    await next.store.ping();
  });
});
