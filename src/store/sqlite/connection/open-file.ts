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
import { Database } from './engine.ts';

/** Takes what whoever runs the server should hear of, though no caller does. */
export type Warn = (message: string, fields?: Record<string, unknown>) => void;

export interface ConnectionOptions {
  /** Nothing is written, not even beside the file; the file has to be there. */
  readOnly?: boolean;
  /** Another connection of this process has the file open to write it, and so its log is there. */
  besideWriter?: boolean;
  /** One number: 1 from when statements that ask `in_time()` are to end. */
  stop?: Int32Array<SharedArrayBuffer>;
  warn?: Warn;
}

/** Opens the file; `snapshot` says in which state it was if it was opened as one that nobody writes. */
export async function openFile(
  path: string,
  { readOnly = false, besideWriter = false }: ConnectionOptions,
): Promise<{ database: Database; snapshot: string | undefined }> {
  if (readOnly) {
    const snapshot = besideWriter ? undefined : snapshotOf(path);
    const database = await Database.open(snapshot === undefined ? path : immutable(path), true);
    return { database, snapshot };
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Conversations are nobody else's to read; SQLite itself would go by the umask.
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
  // To open a pipe would wait for somebody at its other end.
  else if (!statSync(path).isFile()) throw Object.assign(new Error('not a file'), NOT_A_FILE);
  // SQLite would open a file only to read that it may not write, for good, and make a log like it.
  else accessSync(path, constants.R_OK | constants.W_OK);
  return { database: await Database.open(path), snapshot: undefined };
}

const NOT_A_FILE = { code: 'EISDIR', syscall: 'open' };

/** The state of a file that no process has open to write; `undefined` while one may have. */
export function snapshotOf(path: string): string | undefined {
  if (existsSync(`${path}-wal`)) return undefined;
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

/**
 * The URI of a file that nobody writes at the moment: SQLite then reads it without making a log beside
 * it. https://sqlite.org/uri.html#uriimmutable
 */
export function immutable(path: string): URL {
  const uri = pathToFileURL(path);
  uri.searchParams.set('immutable', '1');
  return uri;
}
