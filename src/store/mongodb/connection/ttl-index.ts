import type { Db } from 'mongodb';
import { COLLECTION } from '../documents.ts';
import { INDEX_CONFLICT_CODES, INDEX_NOT_FOUND, NAMESPACE_NOT_FOUND } from './error-codes.ts';
import { hasCode } from './errors.ts';
import { INDEX, quorum } from './indexes.ts';

/** The collections with a TTL index on `deleted_at`, by which the server purges records by itself. */
const COLLECTIONS = [COLLECTION.sessions, COLLECTION.users, COLLECTION.messages];

/** Few messages are deleted individually: the index has only these. */
const PARTIAL = { partialFilterExpression: { deleted_at: { $exists: true } } };

/** Another process has just created, changed or dropped the index. */
const RACE_CODES = [NAMESPACE_NOT_FOUND, INDEX_NOT_FOUND, ...INDEX_CONFLICT_CODES];

/**
 * Brings the TTL indexes in line with the retention.
 *
 * @param purgeAfterMs how long soft-deleted records are kept; `undefined`: for ever, without an index
 * @param transactions false for a standalone server
 * @returns whether an index had to be changed
 */
export async function prepareTtlIndexes(
  db: Db,
  purgeAfterMs: number | undefined,
  transactions: boolean,
): Promise<boolean> {
  const changed = await Promise.all(
    COLLECTIONS.map((name) =>
      prepareTtlIndex(db, name, purgeAfterMs, transactions).catch((error: unknown) => {
        if (!hasCode(error, ...RACE_CODES)) throw error;
        return prepareTtlIndex(db, name, purgeAfterMs, transactions);
      }),
    ),
  );
  return changed.includes(true);
}

async function prepareTtlIndex(
  db: Db,
  collectionName: string,
  purgeAfterMs: number | undefined,
  transactions: boolean,
): Promise<boolean> {
  const collection = db.collection(collectionName);
  const indexes = await collection.indexes().catch((error: unknown) => {
    if (hasCode(error, NAMESPACE_NOT_FOUND)) return [];
    throw error;
  });
  const existing = indexes.find(({ name }) => name === INDEX.ttl);
  if (purgeAfterMs === undefined) {
    if (existing !== undefined) await collection.dropIndex(INDEX.ttl);
    return existing !== undefined;
  }
  const expireAfterSeconds = Math.ceil(purgeAfterMs / 1000);
  if (existing?.expireAfterSeconds === expireAfterSeconds) return false;
  if (existing === undefined) {
    const some = collectionName === COLLECTION.messages ? PARTIAL : {};
    const ttl = { name: INDEX.ttl, expireAfterSeconds, ...some, ...quorum(transactions) };
    await collection.createIndex({ deleted_at: 1 }, ttl);
  } else {
    await db.command({ collMod: collectionName, index: { name: INDEX.ttl, expireAfterSeconds } });
  }
  return true;
}
