import type { Db, IndexDescription } from 'mongodb';
import { COLLECTION } from '../documents.ts';

/** Names of indexes, for hints. `expiry` finds what is to be purged; `ttl` is the TTL index. */
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
  position: 'position',
  uuid: 'uuid',
  sessionTerms: 'session_terms',
  ownedTerms: 'owned_terms',
  namespaceTerms: 'namespace_terms',
  expiry: 'expiry',
  ttl: 'ttl',
} as const;

/** An index by user leaves out what has none: for messages, that saves one key for each search term. */
const OWNED = { partialFilterExpression: { user_id: { $exists: true } } };

/** The indexes of each collection. */
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
    // Not unique: the `_id`s are, which are made of the same two.
    { name: INDEX.position, key: { session_uuid: 1, seq: 1 } },
    // Not unique: a retired message gives its uuid to another one, and not every server allows that in
    // one transaction. Appends keep uuids apart: they look behind the end of the session that they
    // know, and two of them cannot take the same `seq`.
    { name: INDEX.uuid, key: { namespace: 1, session_id: 1, uuid: 1, session_uuid: 1 } },
    // Searches read it backwards, so that among messages of one millisecond the last comes first.
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
    { name: INDEX.position, key: { session_uuid: 1, created_at: -1 } },
    { ...OWNED, name: INDEX.ownedCreated, key: { namespace: 1, user_id: 1, created_at: -1 } },
    { name: INDEX.created, key: { namespace: 1, created_at: -1 } },
  ],
};

/** Creates the indexes that are missing, except the TTL indexes: see ttl-index.ts. */
export async function prepareIndexes(db: Db): Promise<void> {
  await Promise.all(
    Object.entries(INDEXES).map(([name, indexes]) => db.collection(name).createIndexes(indexes)),
  );
}
