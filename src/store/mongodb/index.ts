import type { Db, MongoClient } from 'mongodb';
import type { Logger } from '../../domain/logger.ts';
import type { Store } from '../port.ts';
import { Reanalysis } from '../reanalysis.ts';
import type { StoreUse } from '../retention.ts';
import { SessionHeadCache } from './append/session-head.ts';
import { Connection } from './connection/index.ts';
import { prepareIndexes } from './connection/indexes.ts';
import { claim, findOwn, whyLost } from './connection/ownership.ts';
import { SetUp } from './connection/set-up.ts';
import type { MetadataDocument } from './documents.ts';
import { mongoLeases } from './leases.ts';
import { mongoMessages } from './messages.ts';
import { mongoPurge } from './purge/index.ts';
import { learnRetention, mongoRetention, Registration } from './retention.ts';
import { mongoSearch } from './search/index.ts';
import { hasOutdatedMessages, mongoOutdatedMessages } from './search/outdated-messages.ts';
import { mongoVectors } from './search/vectors.ts';
import { mongoSessions } from './sessions.ts';
import { finishCascades } from './user-cascade.ts';
import { mongoUsers } from './users.ts';

export { createMongoClient } from './connection/client.ts';

/**
 * How many searches and long lists run at once. A search sends `CONCURRENT_TERMS` commands at the same
 * time: more searches would keep other calls waiting in the server.
 */
const LONG_READS = 4;

export interface MongoOptions extends StoreUse {
  client: MongoClient;
  database: string;
  /** Take what the operator should know, and what no caller gets as an error. */
  info?: Logger['info'];
  warn?: Logger['warn'];
}

/** The store in a MongoDB database. Connects at the first call; closing it closes the client. */
export function openMongoStore(options: MongoOptions): Store {
  const { client, database, readOnly, server, retention, warn = () => {} } = options;
  const registration = server && !readOnly ? new Registration(retention) : undefined;
  const setUp = new SetUp(options.info ?? (() => {}));
  const connection = new Connection(client, database, async (db, transactions) => {
    const found = await findOwn(db);
    if (registration === undefined) {
      learnRetention(retention, found);
      if (server) reanalysis.begin(await hasOutdatedMessages(db));
      return found !== undefined;
    }
    await setUp.run(db, () => prepare(db, registration, found, transactions, warn));
    reanalysis.begin(await hasOutdatedMessages(db));
    return true;
  });
  const reanalysis = new Reanalysis(mongoOutdatedMessages(connection), readOnly, warn);
  // As long as this server is registered, no other server purges earlier than this.
  const heads = new SessionHeadCache(retention.own);
  const { agreeRetention } = mongoRetention(connection, retention, registration);
  return {
    sessions: mongoSessions(connection, heads),
    messages: mongoMessages(connection, heads),
    users: mongoUsers(connection, retention, agreeRetention),
    search: mongoSearch(connection, reanalysis),
    vectors: mongoVectors(connection),
    leases: mongoLeases(connection),
    ...mongoPurge(connection),
    longReads: LONG_READS,
    agreeRetention,
    ping: () => connection.run(async ({ db }) => void (await db.command({ ping: 1 }))),
    async close() {
      void reanalysis.stop();
      await registration?.end(connection);
      await connection.close();
    },
  };
}

/** Sets up a database that is ours or nobody's. Commands and read-only processes leave it as it is. */
async function prepare(
  db: Db,
  registration: Registration,
  found: MetadataDocument | undefined,
  transactions: boolean,
  warn: Logger['warn'],
): Promise<void> {
  if (found === undefined) await claim(db);
  if (!(await registration.renew(db, transactions))) throw await whyLost(db);
  await prepareIndexes(db, transactions, warn);
  await finishCascades(db);
}
