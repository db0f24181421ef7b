import { afterAll, describe, expect, it } from 'vitest';
import {
  closeObserved,
  openObserved,
  replicaSet,
  skipReason,
} from '../../../support/observed-store.ts';
import { openProxy } from '../append/mongodb-proxy.ts';

const proxies: { close(): void }[] = [];

afterAll(async () => {
  await closeObserved();
  for (const proxy of proxies) proxy.close();
});

describe.skipIf(replicaSet === null)(`a MongoDB server${skipReason}`, () => {
  /** A store behind a server of a version, and its database as it is. */
  const opened = async (wireVersion: number) => {
    const proxy = await openProxy(replicaSet as string, { wireVersion });
    proxies.push(proxy);
    const direct = openObserved(replicaSet);
    const { databaseName: database } = direct.db;
    return { at: openObserved(proxy.uri, { database }), db: direct.db };
  };

  it.each([
    ['4.4, which the driver takes', 9],
    ['4.2, which it does not', 8],
  ])('of version %s, is refused with words, and left as it is', async (_, wireVersion) => {
    const { at, db } = await opened(wireVersion);
    await expect(at.store.ping()).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('upgrade it to MongoDB 5.0'),
    });
    expect(await db.listCollections().toArray()).toStrictEqual([]);
  });

  it('of version 5.0 is enough', async () => {
    const { at } = await opened(13);
    await at.sessions.add({ namespace: 'n' }, { session_id: 's' });
    expect(await at.sessions.get({ namespace: 'n' }, 's')).toMatchObject({ session_id: 's' });
  });
});
