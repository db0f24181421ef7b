import { statSync } from 'node:fs';
import { DomainError } from '../../domain/errors.ts';
import type { Database } from './engine.ts';

/** Names the file itself, whatever its path; `undefined` if there is none. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && `${file.dev} ${file.ino}`;
}

/**
 * Remembers which file has the path now, and returns what throws `DomainError` UNAVAILABLE once it has
 * not any more. SQLite goes on with a file that was removed, or that another was moved in the place of:
 * nobody would find again what it wrote, and its log has the name of the other's.
 */
export function placeKeeper(path: string): () => void {
  const opened = identityOf(path);
  return () => {
    const current = identityOf(path);
    if (current !== undefined && current === opened) return;
    throw new DomainError(
      'UNAVAILABLE',
      'The session file was removed or replaced while the server was running, and nothing was changed. Stop every server that uses it, see that the right file is in its place, and start them again.',
    );
  };
}

/**
 * Refuses a database that some other program has made, before anything is changed in it.
 *
 * @throws DomainError INTERNAL
 */
export function assertOurs(database: Database): void {
  const [tables, ours] = database
    .prepare(
      `SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table') AS tables,
        (SELECT count(*) FROM pragma_table_info('sessions')
          WHERE name IN ('base_seq', 'first_seq')) AS ours`,
    )
    .get() as unknown as [tables: number, ours: number];
  if (tables === 0 || ours === 1) return;
  throw new DomainError(
    'INTERNAL',
    'The session file is a database of some other program, and nothing was changed in it. Choose another file with SESSIONS_DB.',
  );
}
