import { DomainError, quoted } from '../domain/errors.ts';
import type { Caller } from './dependencies.ts';

/**
 * Whether a record that belongs to `owner` exists for the caller. To a caller who is pinned to one
 * user, whatever is not that user's has never existed.
 */
export function canAccess({ user_id: pin }: Caller, owner: string | undefined): boolean {
  return pin === undefined || pin === owner;
}

/**
 * What the identifiers begin with under which a pinned caller may create sessions. Identifiers are
 * unique in a namespace, so that creating one would tell whether somebody else has it; no two users
 * have a prefix in common.
 */
export function sessionPrefix(pin: string): string {
  return `${encodeURIComponent(pin)}/`;
}

/** The same whether or not somebody else has a session of that identifier. */
export function forbiddenSession(sessionId: string, pin: string): DomainError {
  return new DomainError(
    'PERMISSION_DENIED',
    `Session ${quoted(sessionId)} is not yours. Choose a session_id that begins with ${quoted(sessionPrefix(pin))}, and that you have not used, or one of your sessions, which list_sessions shows.`,
  );
}

/** Refuses what changes users themselves to a caller who is pinned to one. */
export function assertUnpinned({ user_id }: Caller): void {
  if (user_id === undefined) return;
  throw new DomainError(
    'PERMISSION_DENIED',
    'This credential is for the records of one user. Ask whoever runs the server for another one.',
  );
}
