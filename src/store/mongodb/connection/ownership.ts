import type { Db, Document } from 'mongodb';
import { DomainError, REPEAT } from '../../../domain/errors.ts';
import { COLLECTION, databaseMetadataOf, type MetadataDocument } from '../documents.ts';
import { isDuplicateKey } from './errors.ts';

const OWNER = 'mcp-sessions';

/** The version of the documents and indexes. A server refuses a database with a higher one. */
const SCHEMA_VERSION = 1;

/** Selects the document that says that the database is ours, in a version that we know. */
export const OURS = { _id: 'database', owner: OWNER, schema_version: SCHEMA_VERSION } as const;

/** The servers whose registration has not expired, as an expression. Goes by the database's clock. */
export const WITHOUT_EXPIRED: Document = {
  $filter: {
    input: { $ifNull: ['$servers', []] },
    as: 'server',
    cond: { $gt: ['$$server.expires_at', '$$NOW'] },
  },
};

/**
 * Finds out whose the database is. Changes nothing in it.
 *
 * @returns our document, or `undefined` where nothing was set up yet
 * @throws DomainError INTERNAL if the database is of a newer version, or has collections of our names
 *   that this product did not make
 */
export async function findOwn(db: Db): Promise<MetadataDocument | undefined> {
  const found = (await read(db)) ?? (await findTaken(db));
  return found === undefined ? undefined : assertOurs(found);
}

/**
 * Makes a database ours that `findOwn` has found to be free. When several servers do so at once, one of
 * them writes the document. Success does not mean that the database is ours: an update of `OURS` that
 * finds it does.
 */
export async function claim(db: Db): Promise<void> {
  const ours = { ...OURS, created_at: new Date(), servers: [] };
  await databaseMetadataOf(db)
    .insertOne(ours)
    .catch((error: unknown) => {
      if (!isDuplicateKey(error)) throw error;
    });
}

/** The reason why `OURS` is not found where it was a moment ago. */
export async function whyLost(db: Db): Promise<DomainError> {
  await findOwn(db);
  return new DomainError('UNAVAILABLE', `The MongoDB database is being set up anew. ${REPEAT}`);
}

async function read(db: Db): Promise<MetadataDocument | undefined> {
  const [found] = await databaseMetadataOf(db)
    .aggregate<MetadataDocument>([
      { $match: { _id: OURS._id } },
      { $set: { servers: WITHOUT_EXPIRED } },
    ])
    .toArray();
  return found;
}

/** Looks for collections of our names in a database without our document. */
async function findTaken(db: Db): Promise<MetadataDocument | undefined> {
  const names: string[] = Object.values(COLLECTION);
  const listed = await db
    .listCollections({ name: { $in: names } }, { nameOnly: true, authorizedCollections: true })
    .toArray();
  const taken = listed.map(({ name }) => name).filter((name) => names.includes(name));
  if (taken.length === 0) return undefined;
  // Another server may have set the database up between the two reads.
  const found = await read(db);
  if (found !== undefined) return found;
  // Or it is about to: its document exists, but is not on a majority yet.
  const isEmpty = async () =>
    (await databaseMetadataOf(db).findOne(
      { _id: { $ne: OURS._id } },
      { projection: { _id: 1 } },
    )) === null;
  if (taken.every((name) => name === COLLECTION.metadata) && (await isEmpty())) return undefined;
  throw new DomainError(
    'INTERNAL',
    `The MongoDB database has collections that mcp-sessions did not make, under names that it uses (${taken.toSorted().join(', ')}), and nothing was changed in it. ${REMEDY}`,
  );
}

const REMEDY =
  'Whoever runs this server has to choose another database with MONGODB_DATABASE, or rename those collections.';

function assertOurs(found: MetadataDocument): MetadataDocument {
  const { owner, schema_version: version } = found;
  if (owner !== OWNER || !Number.isInteger(version) || version < 1) {
    throw new DomainError(
      'INTERNAL',
      `The collection ${COLLECTION.metadata} of the MongoDB database does not say that mcp-sessions made it, and nothing was changed in it. ${REMEDY}`,
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new DomainError(
      'INTERNAL',
      'The MongoDB database was written by a newer version of mcp-sessions, and nothing was changed in it. Whoever runs this server has to update it, or choose another database with MONGODB_DATABASE.',
    );
  }
  return found;
}
