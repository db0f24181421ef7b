import { type Db, type Document, type IndexDescription, MongoServerError } from 'mongodb';
import { COLLECTION } from '../documents.ts';

export const INDEX = {
  identity: 'identity',
  prefix: 'prefix',
  created: 'created',
  updated: 'updated',
  ownedCreated: 'owned_created',
  ownedUpdated: 'owned_updated',
  retired: 'retired',
  purging: 'purging',
  cascade: 'cascade',
  order: 'order',
  uuid: 'uuid',
  sessionTerms: 'session_terms',
  ownedTerms: 'owned_terms',
  namespaceTerms: 'namespace_terms',
  history: 'history',
  expiry: 'expiry',
  purge: 'purge',
} as const;

/** Only what has a user is in an index on users: for all else it would be a key more of each word. */
const OWNED = { partialFilterExpression: { user_id: { $exists: true } } };

/** By collection. Those on messages, vectors and summaries start like a shard key of theirs would. */
const INDEXES: Record<string, IndexDescription[]> = {
  [COLLECTION.sessions]: [
    { name: INDEX.identity, key: { namespace: 1, session_id: 1 }, unique: true },
    { name: INDEX.prefix, key: { namespace: 1, live: 1, session_id: 1 } },
    { name: INDEX.created, key: { namespace: 1, live: 1, created_at: 1, _id: 1 } },
    { name: INDEX.updated, key: { namespace: 1, live: 1, updated_at: 1, _id: 1 } },
    {
      ...OWNED,
      name: INDEX.ownedCreated,
      key: { namespace: 1, user_id: 1, live: 1, created_at: 1, _id: 1 },
    },
    {
      ...OWNED,
      name: INDEX.ownedUpdated,
      key: { namespace: 1, user_id: 1, live: 1, updated_at: 1, _id: 1 },
    },
    {
      name: INDEX.retired,
      key: { 'retired.deleted_at': 1 },
      partialFilterExpression: { retired: { $exists: true } },
    },
    {
      name: INDEX.purging,
      key: { purging: 1 },
      partialFilterExpression: { purging: { $exists: true } },
    },
    {
      name: INDEX.expiry,
      key: { deleted_at: 1, _id: 1 },
      partialFilterExpression: { deleted_at: { $exists: true } },
    },
  ],
  [COLLECTION.users]: [
    { name: INDEX.identity, key: { namespace: 1, user_id: 1 }, unique: true },
    { name: INDEX.prefix, key: { namespace: 1, live: 1, user_id: 1 } },
    { name: INDEX.created, key: { namespace: 1, live: 1, created_at: 1, _id: 1 } },
    { name: INDEX.updated, key: { namespace: 1, live: 1, updated_at: 1, _id: 1 } },
    {
      name: INDEX.cascade,
      key: { cascade: 1 },
      partialFilterExpression: { cascade: { $exists: true } },
    },
  ],
  [COLLECTION.messages]: [
    {
      name: INDEX.order,
      key: { namespace: 1, session_id: 1, session_uuid: 1, seq: 1 },
      unique: true,
    },
    // Not unique: a retired message gives its uuid up, and not every server lets another have it then.
    // Who appends looks behind the end that it knows, and places in the order exclude each other.
    { name: INDEX.uuid, key: { namespace: 1, session_id: 1, uuid: 1, session_uuid: 1 } },
    // Read backwards, so that of one millisecond what came last is first.
    {
      name: INDEX.sessionTerms,
      key: { namespace: 1, session_id: 1, session_uuid: 1, terms: 1, created_at: 1 },
    },
    {
      ...OWNED,
      name: INDEX.ownedTerms,
      key: { namespace: 1, user_id: 1, terms: 1, created_at: 1 },
    },
    { name: INDEX.namespaceTerms, key: { namespace: 1, terms: 1, created_at: 1 } },
  ],
  [COLLECTION.vectors]: [
    {
      name: INDEX.order,
      key: { namespace: 1, session_id: 1, session_uuid: 1, created_at: -1 },
    },
    { ...OWNED, name: INDEX.ownedCreated, key: { namespace: 1, user_id: 1, created_at: -1 } },
    { name: INDEX.created, key: { namespace: 1, created_at: -1 } },
  ],
  [COLLECTION.summaries]: [
    {
      name: INDEX.history,
      key: { namespace: 1, session_id: 1, session_uuid: 1, up_to_seq: 1 },
    },
  ],
};

/** What the server purges by itself. Sessions that have messages are swept, messages first. */
const PURGED: Record<string, Document> = {
  [COLLECTION.sessions]: { partialFilterExpression: { empty: true } },
  [COLLECTION.users]: {},
};

/** Of a collection that is not there yet. */
const NAMESPACE_NOT_FOUND = 26;

/** Codes of the server for an index that another process has just made, changed or dropped. */
const RACED = new Set([26, 27, 85, 86]);

/** Brings the indexes up to date, but for those that purge. Those that are there cost nothing. */
export async function prepareIndexes(db: Db): Promise<void> {
  await Promise.all(
    Object.entries(INDEXES).map(([name, indexes]) => db.collection(name).createIndexes(indexes)),
  );
}

/**
 * Makes the server's own TTL monitor purge what has been soft-deleted for long enough.
 *
 * @param purgeAfter milliseconds, or `undefined` for no purge
 * @returns whether anything had to be changed for that
 */
export async function preparePurge(db: Db, purgeAfter: number | undefined): Promise<boolean> {
  const changed = await Promise.all(
    Object.entries(PURGED).map(([name, options]) =>
      preparePurgeOf(db, name, options, purgeAfter).catch((error: unknown) => {
        if (!(error instanceof MongoServerError && RACED.has(Number(error.code)))) throw error;
        return preparePurgeOf(db, name, options, purgeAfter);
      }),
    ),
  );
  return changed.includes(true);
}

async function preparePurgeOf(
  db: Db,
  collectionName: string,
  options: Document,
  purgeAfter: number | undefined,
): Promise<boolean> {
  const collection = db.collection(collectionName);
  const indexes = await collection.indexes().catch((error: unknown) => {
    if (error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  });
  const existing = indexes.find(({ name }) => name === INDEX.purge);
  if (purgeAfter === undefined) {
    if (existing !== undefined) await collection.dropIndex(INDEX.purge);
    return existing !== undefined;
  }
  const expireAfterSeconds = Math.ceil(purgeAfter / 1000);
  if (existing?.expireAfterSeconds === expireAfterSeconds) return false;
  if (existing === undefined) {
    const purge = { ...options, name: INDEX.purge, expireAfterSeconds };
    await collection.createIndex({ deleted_at: 1 }, purge);
  } else {
    await db.command({ collMod: collectionName, index: { name: INDEX.purge, expireAfterSeconds } });
  }
  return true;
}
