/** Everything that can go wrong, as callers see it. `UNAVAILABLE` is the one that is safe to retry. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

/** What to do about an `UNAVAILABLE`, unless the call is one whose repetition takes some care. */
export const REPEAT = 'Repeat the same call in a few seconds; that is safe.';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED']);

/**
 * The only error that reaches a caller. Its message says what is wrong and what to do next; what a
 * driver said belongs in `cause`, which the log sees and the caller never does.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** Whether the call may have taken effect all the same. */
  readonly outcomeUnknown: boolean;
  /** What goes on though nobody waits for it any more, and counts as the caller's until it settles. */
  readonly unfinished: Promise<unknown> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & { outcomeUnknown?: boolean; unfinished?: Promise<unknown> } = {},
  ) {
    super(message, options);
    this.name = 'DomainError';
    this.code = code;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.unfinished = options.unfinished;
  }

  /** Whether the same call may succeed later, unchanged. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/** A `DomainError` for arguments that the caller has to correct. */
export function invalidArgument(message: string): DomainError {
  return new DomainError('INVALID_ARGUMENT', message);
}

/**
 * An identifier as it may stand in a message: quoted, so that a space or a newline in it shows, and
 * cut to 120 characters, since identifiers are up to 1,024 bytes of somebody else's text.
 */
export function quoted(identifier: string): string {
  const characters = [...identifier];
  return JSON.stringify(
    characters.length > 120 ? `${characters.slice(0, 119).join('')}…` : identifier,
  );
}
