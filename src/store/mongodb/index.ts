import type { Db, MongoClient } from 'mongodb';
import type { Store } from '../port.ts';
import type { Retention, StoreUse } from '../retention.ts';
import { SessionHeadCache } from './append/session-head-cache.ts';
import { Connection } from './connection/index.ts';
import { prepareIndexes } from './connection/indexes.ts';
import { claim, findOwn, whyLost } from './connection/ownership.ts';
import { mongoMessages } from './messages.ts';
import { mongoPurge } from './purge/index.ts';
import { hear, mongoRetention, Registration } from './retention.ts';
import { mongoSearch } from './search/index.ts';
import { mongoVectors } from './search/vectors.ts';
import { mongoSessions } from './sessions.ts';
import { finishCascades } from './user-cascade.ts';
import { mongoUsers } from './users.ts';

export { createMongoClient } from './connection/index.ts';

/** Each sends up to `LOOKS_AT_ONCE` commands at the same time: more would keep other calls waiting in the server. */
const LONG_READS = 4;

export interface MongoOptions extends StoreUse {
  client: MongoClient;
  database: string;
}

/**
 * The store in a MongoDB database, which is connected to when the first call needs it. Closing it
 * closes the client.
 */
export function openMongoStore(options: MongoOptions): Store {
  const { client, database, readOnly, server, retention } = options;
  const registration = server && !readOnly ? new Registration(retention) : undefined;
  const connection = new Connection(client, database, (db) => prepare(db, retention, registration));
  // While the server is registered, no other keeps deleted records for a shorter time than its own.
  const ends = new SessionHeadCache(retention.own);
  const { agreeRetention } = mongoRetention(connection, retention, registration);
  return {
    sessions: mongoSessions(connection, ends),
    messages: mongoMessages(connection, ends),
    users: mongoUsers(connection, retention, agreeRetention),
    search: mongoSearch(connection),
    vectors: mongoVectors(connection),
    ...mongoPurge(connection),
    longReads: LONG_READS,
    agreeRetention,
    ping: () => connection.run(async ({ db }) => void (await db.command({ ping: 1 }))),
    async close() {
      await registration?.end(connection);
      await connection.close();
    },
  };
}

/**
 * Finds out whether the database is ours, before anything else is done with it. Then a server sets it
 * up; others leave it as it is.
 *
 * @returns whether that needs to be asked no more
 */
async function prepare(
  db: Db,
  retention: Retention,
  registration: Registration | undefined,
): Promise<boolean> {
  const found = await findOwn(db);
  if (registration === undefined) {
    hear(retention, found);
    return found !== undefined;
  }
  if (found === undefined) await claim(db);
  if (!(await registration.renew(db))) throw await whyLost(db);
  await prepareIndexes(db);
  await finishCascades(db);
  return true;
}
