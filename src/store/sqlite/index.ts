import type { PurgeCounts, Store } from '../store.ts';
import { Connection } from './connection.ts';
import { sqliteSessions } from './sessions.ts';
import { sqliteUsers } from './users.ts';

const EXPIRED = 'FROM %s WHERE deleted_at IS NOT NULL AND deleted_at <= ?';

/** Opens the embedded store: one SQLite file, which any number of processes may share. */
export async function openSqliteStore(path: string): Promise<Store> {
  const connection = await Connection.open(path);

  const expired = (table: keyof PurgeCounts) => EXPIRED.replace('%s', table);
  const count = (table: keyof PurgeCounts, cutoff: string) =>
    Number(connection.statement(`SELECT count(*) ${expired(table)}`).get(Date.parse(cutoff))?.[0]);
  const purge = (table: keyof PurgeCounts, cutoff: string, limit: number) =>
    connection
      .statement(
        `DELETE FROM ${table} WHERE id IN (SELECT id ${expired(table)} ORDER BY deleted_at LIMIT ?)`,
      )
      .run(Date.parse(cutoff), limit);

  return {
    sessions: sqliteSessions(connection),
    users: sqliteUsers(connection),
    ping: () => connection.read(() => void connection.statement('SELECT 1').get()),
    countExpired: (cutoff) =>
      connection.read(() => ({
        sessions: count('sessions', cutoff),
        users: count('users', cutoff),
      })),
    purge: (cutoff, limit) =>
      connection.write(() => ({
        sessions: purge('sessions', cutoff, limit),
        users: purge('users', cutoff, limit),
      })),
    close: () => connection.close(),
  };
}
