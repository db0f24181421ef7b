import { DomainError, REPEAT } from '../../../domain/errors.ts';

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const SQLITE = {
  PERM: 3,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  AUTH: 23,
  NOTADB: 26,
} as const;

const UNUSABLE: ReadonlySet<unknown> = new Set([
  SQLITE.PERM,
  SQLITE.READONLY,
  SQLITE.IOERR,
  SQLITE.CANTOPEN,
  SQLITE.PROTOCOL,
  SQLITE.AUTH,
]);

/** Whether another connection holds a lock that this one needs. The same statement may succeed shortly. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE.BUSY || code === SQLITE.LOCKED;
}

/**
 * Whether a connection keeps failing like this after the disk has recovered, until it is opened again.
 * SQLite opens a file or its log as read-only if it cannot open it for writing. A lock that could not be
 * released stays.
 */
export function requiresReopen(error: unknown): boolean {
  const code = resultCode(error);
  return code === SQLITE.READONLY || code === SQLITE.PROTOCOL;
}

/**
 * The error of a failed commit. If the disk failed, the change may be in the log all the same, and take
 * effect after a crash.
 */
export function commitError(error: unknown): unknown {
  if (resultCode(error) !== SQLITE.IOERR) return error;
  return new DomainError(
    'UNAVAILABLE',
    `The disk of the session file failed, and it is not known whether the change was made. The server's log says more. ${REPEAT}`,
    { cause: error, outcomeUnknown: true },
  );
}

/** Turns whatever a statement threw into a `DomainError`. The original is its cause, for the log. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const options = { cause: error };
  const code = resultCode(error);
  if (isBusy(error)) {
    return new DomainError(
      'UNAVAILABLE',
      `The session file is being written by another process, and nothing was changed. ${REPEAT}`,
      options,
    );
  }
  if (code === SQLITE.FULL) {
    return new DomainError(
      'UNAVAILABLE',
      'The disk that holds the session file is full, and nothing was changed. Free some space, then repeat the call.',
      options,
    );
  }
  if (UNUSABLE.has(code) || isSystemError(error)) {
    return new DomainError(
      'UNAVAILABLE',
      "The session file cannot be used, and nothing was changed. The server's log says why. Repeat the call once the cause is fixed.",
      options,
    );
  }
  // To SQLite, a page that the disk did not return looks damaged too. The next call may succeed.
  if (code === SQLITE.CORRUPT) {
    return new DomainError(
      'INTERNAL',
      "The session file is damaged, or its disk cannot be read, and nothing was changed. The server's log says more. Repeat the call; if that does not help, the file has to be restored from a backup.",
      options,
    );
  }
  if (code === SQLITE.NOTADB) {
    return new DomainError(
      'INTERNAL',
      "The session file is not a session file. The server's log names it; SESSIONS_DB chooses another.",
      options,
    );
  }
  return new DomainError(
    'INTERNAL',
    'The store failed, and nothing was changed. The log of the server says why.',
    options,
  );
}

/** The primary result code of an SQLite error: the last eight bits of the extended code. */
function resultCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 255 : undefined;
}

/** Whether an error comes from the operating system, such as ENOENT. */
function isSystemError(error: unknown): boolean {
  // `code` does not tell: Node has no code for ESTALE and others.
  return ((error ?? {}) as NodeJS.ErrnoException).syscall !== undefined;
}
