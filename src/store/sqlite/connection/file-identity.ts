import { statSync } from 'node:fs';
import { DomainError } from '../../../domain/errors.ts';
import type { Database } from './engine.ts';

/**
 * Marks a database file as one of this product, in its header: "mcps". Files of early versions have 0.
 * https://sqlite.org/pragma.html#pragma_application_id
 */
export const APPLICATION_ID = 0x6d637073;

/** The ends of sentences that name the file. */
export const NOT_OURS = 'is a database of some other program';
export const NEWER = 'was written by a newer version of mcp-sessions';

/** Identifies the file itself, whatever its path. `undefined` if there is none. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.dev} ${file.ino}`;
}

/**
 * Remembers which file has the path now. Returns a check that throws `DomainError` UNAVAILABLE once the
 * path has another file, or none. SQLite keeps writing to a file that was removed or replaced. Nobody
 * would find those writes again, and their log has the name of the new file's log.
 */
export function createFileIdentityCheck(path: string): () => void {
  const opened = identityOf(path);
  return () => {
    const current = identityOf(path);
    if (current !== undefined && current === opened) return;
    throw new DomainError(
      'UNAVAILABLE',
      'The session file was removed or replaced while the server was running, and nothing was changed. Stop every server that uses it, put the right file in its place, and start them again.',
    );
  };
}

/**
 * Refuses a database that some other program has made, before anything is changed in it.
 *
 * @throws DomainError INTERNAL
 */
export function assertOurs(database: Database): void {
  const [application, tables, sessions] = database
    .prepare(
      `SELECT application_id, (SELECT count(*) FROM sqlite_schema WHERE type = 'table'),
        (SELECT count(*) FROM pragma_table_info('sessions') WHERE name = 'base_seq')
      FROM pragma_application_id`,
    )
    .get() as unknown as [application: number, tables: number, sessions: number];
  const isUnmarked = application === 0 && (tables === 0 || sessions === 1);
  if (application !== APPLICATION_ID && !isUnmarked) {
    throw new DomainError(
      'INTERNAL',
      `The session file ${NOT_OURS}, and nothing was changed in it. Choose another file with SESSIONS_DB.`,
    );
  }
}

/**
 * Refuses a database with a newer schema. Writes of this version could corrupt it.
 *
 * @param version its `PRAGMA user_version`
 * @param latest the newest version that this code knows
 * @throws DomainError INTERNAL
 */
export function assertKnownVersion(version: number, latest: number): void {
  if (version <= latest) return;
  throw new DomainError(
    'INTERNAL',
    `The session file ${NEWER}, and nothing was changed in it. Update this one, or choose another file with SESSIONS_DB.`,
  );
}
