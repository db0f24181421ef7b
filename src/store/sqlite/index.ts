import { isLongList } from '../../domain/pagination.ts';
import type { Store } from '../port.ts';
import { Reanalysis } from '../reanalysis.ts';
import type { StoreUse } from '../retention.ts';
import { Connection, type ConnectionOptions } from './connection/index.ts';
import { sqliteLeases } from './leases.ts';
import { sqliteMessages } from './messages.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { sqlitePurge } from './purge.ts';
import { unpackCandidates } from './readers/packed-candidates.ts';
import { READERS, ReaderPool } from './readers/reader-pool.ts';
import { sqliteRetention } from './retention.ts';
import { createIndexer, type Indexer } from './search/indexer.ts';
import { sqliteOutdatedMessages } from './search/outdated-messages.ts';
import { sqliteVectors } from './search/vectors.ts';
import { sqliteSessions } from './sessions.ts';
import { sqliteUsers } from './users.ts';

export type SqliteOptions = ConnectionOptions & Partial<StoreUse>;

/**
 * Opens the embedded store: one SQLite file, which any number of processes may share.
 *
 * @throws DomainError UNAVAILABLE or INTERNAL when the file cannot be used
 */
export async function openSqliteStore(path: string, options: SqliteOptions = {}): Promise<Store> {
  const connection = await Connection.open(path, MIGRATIONS, options);
  const indexer = createIndexer(connection, options);
  indexer.schedule();
  const { agreeRetention, ...registration } = sqliteRetention(connection, options);
  registration.begin();
  const reanalysis = await beginReanalysis(connection, indexer, options);
  const readers = new ReaderPool(path, options);
  const [sessions, users] = [sqliteSessions(connection), sqliteUsers(connection)];
  const vectors = sqliteVectors(connection);
  const purge = sqlitePurge(connection);
  return {
    longReads: READERS,
    sessions: {
      ...sessions,
      list: (...args) =>
        isLongList(args[2]) ? readers.run('sessions.list', args) : sessions.list(...args),
    },
    messages: sqliteMessages(connection, indexer),
    users: {
      ...users,
      list: (...args) =>
        isLongList(args[2]) ? readers.run('users.list', args) : users.list(...args),
    },
    search: {
      findByPosition: (...args) => readers.run('search.findByPosition', args),
      vocabulary: (...args) => readers.run('search.vocabulary', args),
      async candidates(...args) {
        // A search reads all messages that are not indexed, so index them soon.
        indexer.schedule();
        const { isUnderWay } = reanalysis;
        const found = unpackCandidates(await readers.run('search.candidates', args));
        return isUnderWay ? { ...found, outdated: true } : found;
      },
    },
    vectors: {
      ...vectors,
      newest: (...args) => readers.run('vectors.newest', args),
      unembedded: (...args) => readers.run('vectors.unembedded', args),
    },
    leases: sqliteLeases(connection),
    ...purge,
    countExpired: (...args) => readers.run('countExpired', args),
    agreeRetention,
    ping: () =>
      connection.read(() => {
        connection.assertSameFile();
        connection.statement('SELECT 1').get();
      }),
    async close() {
      await reanalysis.stop();
      await readers.close();
      registration.end();
      await connection.close().finally(indexer.stop);
    },
  };
}

/** Analyses messages anew that an older version of the server stored. Commands leave that to servers. */
async function beginReanalysis(
  connection: Connection,
  indexer: Indexer,
  { readOnly = false, server = false, warn }: SqliteOptions,
): Promise<Pick<Reanalysis<never>, 'isUnderWay' | 'stop'>> {
  const messages = sqliteOutdatedMessages(connection, indexer);
  const reanalysis = new Reanalysis(messages, readOnly, warn);
  if (server) reanalysis.begin((await messages.outdated(1)).length > 0);
  return reanalysis;
}
