/** The error codes that callers see. Only `UNAVAILABLE` is safe to retry. */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

/** The default advice for `UNAVAILABLE`, unless repeating the call needs care. */
export const REPEAT = 'Repeat the same call in a few seconds; that is safe.';

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED']);

/**
 * The only error that reaches a caller. Its message says what is wrong and what to do next; what a
 * driver said belongs in `cause`, which the log sees and the caller never does.
 */
export class DomainError extends Error {
  readonly code: ErrorCode;
  /** Whether the call may have taken effect despite the error. */
  readonly outcomeUnknown: boolean;
  /**
   * Work that continues after the call was abandoned. It counts against the caller until it
   * settles.
   */
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
 * Characters that no reader sees: control characters, line separators, and what Unicode calls
 * default ignorable, such as the zero-width space.
 */
export const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Characters that JSON does not escape although a reader cannot see them, or takes them for a space. */
const MISREAD = new RegExp(`${INVISIBLE.source}|(?! )\\p{Zs}`, 'gu');

/** A character as JSON escapes: one for each UTF-16 code unit. */
const escaped = (character: string) =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');

/** A number with its noun, for a message: "1 session", "2 sessions". */
export const counted = (count: number, noun: string, plural = `${noun}s`): string =>
  `${count} ${count === 1 ? noun : plural}`;

/**
 * Quotes an identifier for a message, so that white space and invisible characters in it show, and
 * truncates it to 120 characters, because it may be 1,024 bytes of text from others.
 */
export function quoted(identifier: string): string {
  const characters = [...identifier];
  return JSON.stringify(
    characters.length > 120 ? `${characters.slice(0, 119).join('')}…` : identifier,
  ).replace(MISREAD, escaped);
}
