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
import { DomainError } from '../../domain/errors.ts';
import { Database } from './connection/engine.ts';
import { APPLICATION_ID, assertOurs, NEWER, NOT_OURS } from './connection/file-identity.ts';
import { immutable } from './connection/open-file.ts';
import { MIGRATIONS } from './migrations/index.ts';

/** The part of SQLite's file header that is read: https://sqlite.org/fileformat.html#the_database_header */
const HEADER = {
  bytes: 72,
  magic: 'SQLite format 3\0',
  userVersion: 60,
  applicationId: 68,
} as const;

/** Permanent errors of a path. Other errors, such as those of a disk, may be gone by the first call. */
const PERMANENT_ERRORS: ReadonlySet<string> = new Set([
  'ELOOP',
  'ENAMETOOLONG',
  'ENOENT',
  'ENODEV',
  'ENXIO',
]);

/**
 * Checks whether a path can be the session file, from its folder and the file's header. A server asks
 * this before it serves. A damaged database is not noticed here; the calls that meet it fail.
 *
 * @param readOnly the file is only read, so it has to exist
 * @returns the end of a sentence that begins with the path, or `undefined` if there is no problem
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
    return code !== undefined && PERMANENT_ERRORS.has(code)
      ? `cannot be used (${code})`
      : undefined;
  }
}

/** Checks whether the file, and its folder if there is none, can be created. */
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
  // An unmarked file, or one whose mark is still in its log: look at its tables.
  if (application === 0) return (await isOurs(path)) ? undefined : NOT_OURS;
  if (application !== APPLICATION_ID) return NOT_OURS;
  return header.readUInt32BE(HEADER.userVersion) > MIGRATIONS.length ? NEWER : undefined;
}

/** Whether a database is ours. True as well if it cannot be opened. */
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
