import type { Db, MongoClient } from 'mongodb';
import type { Store } from '../store.ts';
import { Connection } from './connection.ts';

import { prepareIndexes } from './indexes.ts';
import { mongoSessions } from './sessions.ts';
import { mongoUsers } from './users.ts';

export { createMongoClient } from './connection.ts';

export interface MongoOptions {
  client: MongoClient;
  database: string;
  /** How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. */
  purgeAfter: number | undefined;
}

/** The store in a MongoDB database, which is connected to when the first call needs it; closing it closes the client. */
export function openMongoStore({ client, database, purgeAfter }: MongoOptions): Store {
  const connection = new Connection(client, database, (db) => prepareIndexes(db, purgeAfter));

  return {
    sessions: mongoSessions(connection),
    users: mongoUsers(connection),
    ping: () => connection.run(async ({ db }) => void (await db.command({ ping: 1 }))),
    async countExpired(cutoff) {
      const count = (name: string) =>
        connection.run(({ db }) => db.collection(name).countDocuments(expired(cutoff)));
      return { sessions: await count('sessions'), users: await count('users') };
    },
    async purge(cutoff, limit) {
      return {
        sessions: await connection.run(({ db }) => purge(db, 'sessions', cutoff, limit)),
        users: await connection.run(({ db }) => purge(db, 'users', cutoff, limit)),
      };
    },
    close: () => connection.close(),
  };
}

const expired = (cutoff: string) => ({ deleted_at: { $lte: new Date(cutoff) } });

/** Purges up to `limit` of a collection's expired documents, unless one is restored meanwhile. */
async function purge(db: Db, name: string, cutoff: string, limit: number): Promise<number> {
  const collection = db.collection(name);
  const found = await collection
    .find(expired(cutoff))
    .sort({ deleted_at: 1 })
    .limit(limit)
    .project({ _id: 1 })
    .toArray();
  if (found.length === 0) return 0;
  const ids = found.map(({ _id }) => _id);
  const { deletedCount } = await collection.deleteMany({ _id: { $in: ids }, ...expired(cutoff) });
  return deletedCount;
}
