import type { Db, MongoClient } from 'mongodb';
import type { Store } from '../store.ts';
import { finishCascades } from './cascade.ts';
import { Connection } from './connection.ts';
import { prepareIndexes } from './indexes.ts';
import { mongoMessages } from './messages.ts';
import { mongoPurge } from './purge.ts';
import { RememberedEnds } from './remembered-ends.ts';
import { mongoSearch } from './search.ts';
import { mongoSessions } from './sessions.ts';
import { mongoUsers } from './users.ts';
import { mongoVectors } from './vectors.ts';

export { createMongoClient } from './connection.ts';

/** Each sends up to `LOOKS_AT_ONCE` commands at the same time: more would keep other calls waiting in the server. */
const LONG_READS = 4;

export interface MongoOptions {
  client: MongoClient;
  database: string;
  /** How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. */
  purgeAfter: number | undefined;
  /**
   * Whether to bring the indexes up to date, the one that purges by `purgeAfter` included, and to
   * finish what a crash left half done. A server does; a command that looks in does not.
   */
  maintain: boolean;
}

/**
 * The store in a MongoDB database, which is connected to when the first call needs it. Closing it
 * closes the client.
 */
export function openMongoStore(options: MongoOptions): Store {
  const { client, database, purgeAfter, maintain } = options;
  const connection = new Connection(client, database, async (db: Db) => {
    if (!maintain) return;
    await prepareIndexes(db, purgeAfter);
    await finishCascades(db);
  });
  const ends = new RememberedEnds(purgeAfter);
  return {
    sessions: mongoSessions(connection, ends),
    messages: mongoMessages(connection, ends),
    users: mongoUsers(connection, purgeAfter),
    search: mongoSearch(connection),
    vectors: mongoVectors(connection),
    ...mongoPurge(connection),
    longReads: LONG_READS,
    ping: () => connection.run(async ({ db }) => void (await db.command({ ping: 1 }))),
    close: () => connection.close(),
  };
}
