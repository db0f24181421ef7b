import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DomainError } from '../../../domain/errors.ts';
import { Database } from './engine.ts';
import { immutable } from './open-file.ts';
import { APPLICATION_ID, SCHEMA_STEPS } from './schema-steps.ts';

/** The file header of SQLite, of which this much is read: https://sqlite.org/fileformat.html#the_database_header */
const HEADER = {
  bytes: 72,
  magic: 'SQLite format 3\0',
  userVersion: 60,
  applicationId: 68,
} as const;

const NOT_OURS = 'is a database of some other program';
const NEWER = 'was written by a newer version of mcp-sessions';

/** Errors of a path that no time mends. What a disk fails with may have passed by the first call. */
const LASTING: ReadonlySet<string> = new Set([
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENODEV',
  'ENXIO',
]);

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
export function createFileIdentityCheck(path: string): () => void {
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
  const [application, tables, sessions] = database
    .prepare(
      `SELECT application_id, (SELECT count(*) FROM sqlite_schema WHERE type = 'table'),
        (SELECT count(*) FROM pragma_table_info('sessions') WHERE name = 'base_seq')
      FROM pragma_application_id`,
    )
    .get() as unknown as [application: number, tables: number, sessions: number];
  const isFromBefore = application === 0 && (tables === 0 || sessions === 1);
  if (application !== APPLICATION_ID && !isFromBefore) {
    throw new DomainError(
      'INTERNAL',
      `The session file ${NOT_OURS}, and nothing was changed in it. Choose another file with SESSIONS_DB.`,
    );
  }
}

/**
 * Refuses a database whose schema this version does not know: its writes could spoil it.
 *
 * @param version its `PRAGMA user_version`
 * @throws DomainError INTERNAL
 */
export function assertKnown(version: number): void {
  if (version <= SCHEMA_STEPS.length) return;
  throw new DomainError(
    'INTERNAL',
    `The session file ${NEWER}, and nothing was changed in it. Update this one, or choose another file with SESSIONS_DB.`,
  );
}

/**
 * What keeps a path from being the session file, as the rest of a sentence that begins with the path,
 * or `undefined`. It looks
 * at the folder and the file's header, so that a server can ask before it serves; a damaged database
 * is left to the calls.
 *
 * @param readOnly the file is only to be read, and so has to be there
 */
export async function fileProblem(path: string, readOnly: boolean): Promise<string | undefined> {
  try {
    const file = statSync(path, { throwIfNoEntry: false });
    if (file === undefined) {
      return readOnly ? 'is not there, and --read-only makes none' : folderProblem(path);
    }
    if (!file.isFile()) return `is ${kindOf(file)}, and not a file`;
    accessSync(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
    if (!readOnly) accessSync(dirname(path), constants.W_OK | constants.X_OK);
    return file.size === 0 ? undefined : await headerProblem(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') return 'has a file in its path where a folder has to be';
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      return `may not be ${readOnly ? 'read' : 'written, or not in its folder,'} by this user (${code})`;
    }
    return code !== undefined && LASTING.has(code) ? `cannot be used (${code})` : undefined;
  }
}

/** What keeps a file from being created, with its folder if that is not there either. */
function folderProblem(path: string): string | undefined {
  let folder = dirname(path);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  if (!statSync(folder).isDirectory()) return 'has a file in its path where a folder has to be';
  accessSync(folder, constants.W_OK | constants.X_OK);
  return undefined;
}

async function headerProblem(path: string): Promise<string | undefined> {
  const header = Buffer.alloc(HEADER.bytes);
  const file = openSync(path, 'r');
  try {
    readSync(file, header, 0, HEADER.bytes, 0);
  } finally {
    closeSync(file);
  }
  if (header.toString('latin1', 0, HEADER.magic.length) !== HEADER.magic) {
    return 'is not a session file';
  }
  const application = header.readUInt32BE(HEADER.applicationId);
  // A file of before the mark, or one whose log still has it: its tables tell.
  if (application === 0) return (await isOurs(path)) ? undefined : NOT_OURS;
  if (application !== APPLICATION_ID) return NOT_OURS;
  return header.readUInt32BE(HEADER.userVersion) > SCHEMA_STEPS.length ? NEWER : undefined;
}

/** Whether a database is ours, or cannot be asked. */
async function isOurs(path: string): Promise<boolean> {
  try {
    const database = await Database.open(immutable(path), true);
    try {
      assertOurs(database);
    } finally {
      database.close();
    }
    return true;
  } catch (error) {
    return !(error instanceof DomainError);
  }
}

function kindOf(file: Stats): string {
  if (file.isDirectory()) return 'a folder';
  return file.isFIFO() ? 'a pipe' : 'a device or a socket';
}
