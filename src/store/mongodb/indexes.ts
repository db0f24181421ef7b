import type { Db, IndexDescription } from 'mongodb';

export const INDEX = {
  sessionIdentity: 'session_identity',
  sessionPrefix: 'session_prefix',
  created: 'created',
  updated: 'updated',
  userCreated: 'user_created',
  userUpdated: 'user_updated',
  userIdentity: 'user_identity',
  purge: 'purge',
} as const;

const SESSIONS: IndexDescription[] = [
  { name: INDEX.sessionIdentity, key: { namespace: 1, session_id: 1 }, unique: true },
  { name: INDEX.sessionPrefix, key: { namespace: 1, live: 1, session_id: 1 } },
  { name: INDEX.created, key: { namespace: 1, live: 1, created_at: 1, _id: 1 } },
  { name: INDEX.updated, key: { namespace: 1, live: 1, updated_at: 1, _id: 1 } },
  { name: INDEX.userCreated, key: { namespace: 1, user_id: 1, live: 1, created_at: 1, _id: 1 } },
  { name: INDEX.userUpdated, key: { namespace: 1, user_id: 1, live: 1, updated_at: 1, _id: 1 } },
];

const USERS: IndexDescription[] = [
  { name: INDEX.userIdentity, key: { namespace: 1, user_id: 1 }, unique: true },
];

/**
 * Brings the indexes up to date. Those that are there cost nothing.
 *
 * @param purgeAfter milliseconds, or `undefined` for no purge
 */
export async function prepareIndexes(db: Db, purgeAfter: number | undefined): Promise<void> {
  await Promise.all([
    db.collection('sessions').createIndexes(SESSIONS),
    db.collection('users').createIndexes(USERS),
  ]);
  await Promise.all(['sessions', 'users'].map((name) => preparePurge(db, name, purgeAfter)));
}

/** Makes the server's own TTL monitor purge what has been soft-deleted for long enough. */
async function preparePurge(db: Db, name: string, purgeAfter: number | undefined): Promise<void> {
  const collection = db.collection(name);
  const existing = (await collection.indexes()).find((index) => index.name === INDEX.purge);
  if (purgeAfter === undefined) {
    if (existing !== undefined) await collection.dropIndex(INDEX.purge);
    return;
  }
  const expireAfterSeconds = Math.ceil(purgeAfter / 1000);
  if (existing === undefined) {
    await collection.createIndex({ deleted_at: 1 }, { name: INDEX.purge, expireAfterSeconds });
  } else if (existing.expireAfterSeconds !== expireAfterSeconds) {
    await db.command({ collMod: name, index: { name: INDEX.purge, expireAfterSeconds } });
  }
}
