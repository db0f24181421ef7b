import type { Store } from '../store.ts';
import { Connection } from './connection.ts';
import { createIndexer } from './indexer.ts';
import { sqliteMessages } from './messages.ts';
import { sqlitePurge } from './purge.ts';
import { sqliteSearch } from './search.ts';
import { sqliteSessions } from './sessions.ts';
import { sqliteUsers } from './users.ts';
import { sqliteVectors } from './vectors.ts';

/**
 * Opens the embedded store: one SQLite file, which any number of processes may share.
 *
 * @param onFailure hears of what fails behind the answers, where no caller hears of it
 * @throws DomainError UNAVAILABLE or INTERNAL when the file cannot be used
 */
export async function openSqliteStore(
  path: string,
  onFailure: (error: unknown) => void = () => {},
): Promise<Store> {
  const connection = await Connection.open(path);
  const indexer = createIndexer(connection, onFailure);
  indexer.schedule();
  return {
    sessions: sqliteSessions(connection),
    messages: sqliteMessages(connection, indexer),
    users: sqliteUsers(connection),
    search: sqliteSearch(connection, indexer),
    vectors: sqliteVectors(connection),
    ...sqlitePurge(connection),
    ping: () =>
      connection.read(() => {
        connection.assertInPlace();
        connection.statement('SELECT 1').get();
      }),
    async close() {
      await connection.close().finally(indexer.stop);
    },
  };
}
