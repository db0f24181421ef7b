import { DomainError } from '../../../domain/errors.ts';
import type { Database, Statement } from './engine.ts';
import { assertKnownVersion } from './file-identity.ts';

/** Prepares statements: a connection, or a database. */
export interface StatementSource {
  statement(sql: string): Statement;
}

/** One step of the schema: SQL, or a function where SQL is not enough. */
export type Migration = string | ((source: StatementSource) => void);

/**
 * Runs the migrations that the file has not been through yet. Runs within a write.
 *
 * @param version how many migrations the file has been through
 */
export function migrate(
  database: Database,
  version: number,
  migrations: readonly Migration[],
): void {
  for (const migration of migrations.slice(version)) {
    if (typeof migration === 'string') database.exec(migration);
    else migration(database);
  }
  database.exec(`PRAGMA user_version = ${migrations.length}`);
}

/**
 * Refuses a file that is not up to date, for connections that only read and so cannot migrate it.
 *
 * @throws DomainError INTERNAL
 */
export function assertCurrentVersion(version: number, latest: number): void {
  assertKnownVersion(version, latest);
  if (version === latest) return;
  throw new DomainError(
    'INTERNAL',
    'The session file was written by an older version of mcp-sessions. Start this one once without --read-only, which brings it up to date.',
  );
}
