import { isDeepStrictEqual } from 'node:util';
import type { Collection, Db, Document, IndexDescription } from 'mongodb';
import { DomainError, quoted } from '../../../domain/errors.ts';
import type { Logger } from '../../../domain/logger.ts';
import { COLLECTION } from '../documents.ts';
import { INDEX_CONFLICT_CODES, INDEX_NOT_FOUND } from './error-codes.ts';
import { hasCode } from './errors.ts';

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
  assigning: 'assigning',
  cascade: 'cascade',
  position: 'position',
  uuid: 'uuid',
  sessionTerms: 'session_terms',
  ownedTerms: 'owned_terms',
  namespaceTerms: 'namespace_terms',
  analysis: 'analysis',
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
      name: INDEX.assigning,
      key: { assigning: 1 },
      partialFilterExpression: { assigning: { $exists: true } },
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
    // Not partial, as other indexes on users are: some servers do not use a partial index in a search.
    { name: INDEX.ownedTerms, key: { namespace: 1, user_id: 1, terms: 1, created_at: 1 } },
    { name: INDEX.namespaceTerms, key: { namespace: 1, terms: 1, created_at: 1 } },
    { name: INDEX.analysis, key: { analysis: 1 } },
  ],
  [COLLECTION.vectors]: [
    { name: INDEX.position, key: { session_uuid: 1, created_at: -1 } },
    { ...OWNED, name: INDEX.ownedCreated, key: { namespace: 1, user_id: 1, created_at: -1 } },
    { name: INDEX.created, key: { namespace: 1, created_at: -1 } },
  ],
};

/** By default, a build waits for every member that votes, also for one that is down. */
export const quorum = (transactions: boolean) =>
  transactions ? { commitQuorum: 'majority' as const } : {};

/**
 * Creates the indexes that are missing, except the TTL indexes: see ttl-index.ts. Waits until they are
 * built, here or by another server. One that somebody has changed under its name is built anew.
 *
 * @param transactions false for a standalone server
 * @throws DomainError INTERNAL if there is one of somebody else's with the same key
 */
export async function prepareIndexes(
  db: Db,
  transactions: boolean,
  warn: Logger['warn'],
): Promise<void> {
  const options = quorum(transactions);
  const prepare = async ([name, indexes]: [string, IndexDescription[]]) => {
    const collection = db.collection(name);
    try {
      await collection.createIndexes(indexes, options);
    } catch (error) {
      if (!hasCode(error, ...INDEX_CONFLICT_CODES)) throw error;
      await dropChanged(collection, indexes, warn);
      await collection.createIndexes(indexes, options);
    }
  };
  await Promise.all(Object.entries(INDEXES).map(prepare));
}

/** Drops indexes that have a name of ours and are not as we make them. */
async function dropChanged(
  collection: Collection,
  indexes: readonly IndexDescription[],
  warn: Logger['warn'],
): Promise<void> {
  const existing = await collection.indexes();
  for (const wanted of indexes) {
    const ours = existing.find(({ name }) => name === wanted.name);
    const twin = existing.find((other) => other !== ours && hasSameForm(other, wanted));
    const { collectionName } = collection;
    if (twin !== undefined) {
      throw new DomainError(
        'INTERNAL',
        `The collection ${collectionName} of the MongoDB database has an index ${quoted(String(twin.name))}, which mcp-sessions has to make as ${quoted(String(wanted.name))}. Whoever runs this server has to drop it: db.${collectionName}.dropIndex(${quoted(String(twin.name))}).`,
      );
    }
    if (ours === undefined || hasSameForm(ours, wanted)) continue;
    warn('an index of the store was changed, and is built anew', {
      collectionName,
      name: ours.name,
    });
    await collection.dropIndex(String(ours.name)).catch((error: unknown) => {
      // Another server was faster.
      if (!hasCode(error, INDEX_NOT_FOUND)) throw error;
    });
  }
}

const hasSameForm = (one: Document, other: Document): boolean =>
  isDeepStrictEqual(formOf(one), formOf(other));

const formOf = ({ key, unique = false, sparse = false, ...rest }: Document) => ({
  // As entries: the order of the fields matters.
  ...{ key: Object.entries(key), unique, sparse, partial: rest.partialFilterExpression },
  ...{ collation: rest.collation, expires: rest.expireAfterSeconds },
});
