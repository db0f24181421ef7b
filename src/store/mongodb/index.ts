import type { Db, MongoClient } from 'mongodb';
import type { Store } from '../store.ts';
import { Connection } from './connection.ts';
import { prepareIndexes } from './indexes.ts';
import { mongoMessages } from './messages.ts';
import { mongoPurge } from './purge.ts';
import { mongoSessions } from './sessions.ts';
import { finishCascades, mongoUsers } from './users.ts';

export { createMongoClient } from './connection.ts';

export interface MongoOptions {
  client: MongoClient;
  database: string;
  /** How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. */
  purgeAfter: number | undefined;
}

/**
 * The store in a MongoDB database, which is connected to when the first call needs it. Closing it
 * closes the client.
 */
export function openMongoStore({ client, database, purgeAfter }: MongoOptions): Store {
  const connection = new Connection(client, database, async (db: Db) => {
    await prepareIndexes(db, purgeAfter);
    await finishCascades(db);
  });
  return {
    sessions: mongoSessions(connection),
    messages: mongoMessages(connection),
    users: mongoUsers(connection, purgeAfter),
    ...mongoPurge(connection),
    ping: () => connection.run(async ({ db }) => void (await db.command({ ping: 1 }))),
    close: () => connection.close(),
  };
}
