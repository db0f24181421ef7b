import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Database, type Row } from './engine.ts';
import type { ConnectionOptions } from './options.ts';

/**
 * The settings of a connection that writes.
 *
 * Acknowledged writes are on the disk. macOS writes the cache of a disk only if it is asked for a full
 * fsync (https://sqlite.org/pragma.html#pragma_fullfsync); on other systems those two pragmas do nothing.
 * `secure_delete` overwrites purged or replaced text, so that it cannot be read in the free space of the
 * file.
 */
export const PRAGMAS = `PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
  PRAGMA secure_delete = ON`;

/** A database that was opened, and the state of its file if that had no writer. */
export interface OpenedFile {
  database: Database;
  /** See `idleFileState`. */
  idleState: string | undefined;
}

/**
 * Opens the file. For writing, it is created with its folder if it does not exist.
 *
 * @param onDamagedRow see `Database.open`
 * @throws errors of the engine or the operating system
 */
export async function openFile(
  path: string,
  { readOnly = false, besideWriter = false }: ConnectionOptions,
  onDamagedRow: (row: Row) => void,
): Promise<OpenedFile> {
  if (readOnly) {
    const idleState = besideWriter ? undefined : idleFileState(path);
    const location = idleState === undefined ? path : immutable(path);
    return { database: await Database.open(location, true, onDamagedRow), idleState };
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Nobody else may read the conversations. SQLite itself would apply the umask.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  // Opening a pipe would block until somebody opens its other end.
  else if (!statSync(path).isFile()) throw Object.assign(new Error('not a file'), NOT_A_FILE);
  // SQLite would open a file without write permission as read-only, and create its log read-only too.
  else accessSync(path, constants.R_OK | constants.W_OK);
  return { database: await Database.open(path, false, onDamagedRow), idleState: undefined };
}

const NOT_A_FILE = { code: 'EISDIR', syscall: 'open' };

/** The state of a file that no process has open for writing. `undefined` if one may have. */
export function idleFileState(path: string): string | undefined {
  if (existsSync(`${path}-wal`)) return undefined;
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/**
 * The URI of a file that nobody writes at the moment. SQLite then reads it without creating a log beside
 * it. https://sqlite.org/uri.html#uriimmutable
 */
export function immutable(path: string): URL {
  const uri = pathToFileURL(path);
  uri.searchParams.set('immutable', '1');
  return uri;
}
