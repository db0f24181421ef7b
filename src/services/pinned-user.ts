import type { Caller } from './caller.ts';
import { ServiceError } from './errors.ts';

/**
 * Whether a record of the user `owner` exists for the caller. For a caller who is pinned to a user,
 * the records of all other users have never existed.
 */
export function canAccess({ user_id: pin }: Caller, owner: string | undefined): boolean {
  return pin === undefined || pin === owner;
}

/**
 * The prefix of the identifiers under which a pinned caller may create sessions. Identifiers are
 * unique in a namespace: without a prefix, creating a session would tell whether another user has
 * that identifier. No two users have a prefix in common.
 */
export function sessionPrefix(pin: string): string {
  return `${encodeURIComponent(pin)}/`;
}

/** The refusal of an identifier. It is the same whether or not another user has such a session. */
export function forbiddenSession(session_id: string, pin: string): ServiceError {
  return new ServiceError({ kind: 'session_forbidden', session_id, prefix: sessionPrefix(pin) });
}

/**
 * Keeps pinned callers from changing user records.
 *
 * @throws ServiceError PERMISSION_DENIED
 */
export function assertUnpinned({ user_id }: Caller): void {
  if (user_id !== undefined) throw new ServiceError({ kind: 'users_forbidden' });
}
