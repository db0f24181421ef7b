import { type Db, type Document, type IndexDescription, MongoServerError } from 'mongodb';

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
  sessions: [
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
  users: [
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
  messages: [
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
  vectors: [
    {
      name: INDEX.order,
      key: { namespace: 1, session_id: 1, session_uuid: 1, created_at: -1 },
    },
    { ...OWNED, name: INDEX.ownedCreated, key: { namespace: 1, user_id: 1, created_at: -1 } },
    { name: INDEX.created, key: { namespace: 1, created_at: -1 } },
  ],
  summaries: [
    {
      name: INDEX.history,
      key: { namespace: 1, session_id: 1, session_uuid: 1, up_to_seq: 1 },
    },
  ],
};

/** What the server purges by itself. Sessions that have messages are swept, messages first. */
const PURGED: Record<string, Document> = {
  sessions: { partialFilterExpression: { empty: true } },
  users: {},
};

/** Codes of the server for an index that another process has just made, changed or dropped. */
const RACED = new Set([26, 27, 85, 86]);

/**
 * Brings the indexes up to date. Those that are there cost nothing.
 *
 * @param purgeAfter milliseconds, or `undefined` for no purge
 */
export async function prepareIndexes(db: Db, purgeAfter: number | undefined): Promise<void> {
  await Promise.all(
    Object.entries(INDEXES).map(([name, indexes]) => db.collection(name).createIndexes(indexes)),
  );
  await Promise.all(
    Object.entries(PURGED).map(([name, options]) =>
      preparePurge(db, name, options, purgeAfter).catch((error: unknown) => {
        if (!(error instanceof MongoServerError && RACED.has(Number(error.code)))) throw error;
        return preparePurge(db, name, options, purgeAfter);
      }),
    ),
  );
}

/** Makes the server's own TTL monitor purge what has been soft-deleted for long enough. */
async function preparePurge(
  db: Db,
  name: string,
  options: Document,
  purgeAfter: number | undefined,
): Promise<void> {
  const collection = db.collection(name);
  const existing = (await collection.indexes()).find((index) => index.name === INDEX.purge);
  if (purgeAfter === undefined) {
    if (existing !== undefined) await collection.dropIndex(INDEX.purge);
    return;
  }
  const expireAfterSeconds = Math.ceil(purgeAfter / 1000);
  if (existing === undefined) {
    const purge = { ...options, name: INDEX.purge, expireAfterSeconds };
    await collection.createIndex({ deleted_at: 1 }, purge);
  } else if (existing.expireAfterSeconds !== expireAfterSeconds) {
    await db.command({ collMod: name, index: { name: INDEX.purge, expireAfterSeconds } });
  }
}
