import { DomainError, REPEAT } from '../../domain/errors.ts';

/** Whether another connection holds what this one needs: the same statement may succeed shortly. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED');
}

/** A `DomainError` for whatever a statement threw; the original is its cause, for the log. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  const options = { cause: error };
  const code = codeOf(error);
  if (isBusy(error)) {
    return new DomainError(
      'UNAVAILABLE',
      `The session file is being written by another process, and nothing was changed. ${REPEAT}`,
      options,
    );
  }
  if (code.startsWith('SQLITE_FULL')) {
    return new DomainError(
      'UNAVAILABLE',
      'The disk that holds the session file is full, and nothing was changed. Free some space, then repeat the call.',
      options,
    );
  }
  if (/^SQLITE_(IOERR|CANTOPEN|READONLY|PERM|AUTH)/.test(code) || /^(E[A-Z]+)?$/.test(code)) {
    return new DomainError(
      'UNAVAILABLE',
      "The session file cannot be used, and nothing was changed. The server's log says why; repeat the call once that is mended.",
      options,
    );
  }
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new DomainError(
      'INTERNAL',
      "The session file is damaged or is not a session file. The server's log names it; SESSIONS_DB chooses another.",
      options,
    );
  }
  return new DomainError(
    'INTERNAL',
    'The store failed, and nothing was changed. The log of the server says why.',
    options,
  );
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}
