import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import { sessionCreator } from './create-session.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { sessionNotFound, userNotFound } from './not-found.ts';
import { canAccess } from './pinned-user.ts';
import { isPastUndoDeadline } from './undo-deadline.ts';

/**
 * Gives a live session that has no user to a user. A session of that user stays as it is.
 *
 * @throws ServiceError NOT_FOUND if there is no such session or user, ALREADY_EXISTS if the session has
 *   another user
 */
export async function assignUser(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  session_id: string,
  user_id: string,
): Promise<Session> {
  if (!canAccess(caller, user_id)) throw userNotFound(deps, user_id);
  const current = await store.sessions.find(caller, session_id);
  if (current === undefined || current.deleted_at !== undefined) {
    throw await sessionNotFound(deps, caller, store, session_id, current);
  }
  assertFree(current, user_id);
  return assignFree(deps, caller, store, session_id, user_id);
}

/** The same for a session that was just seen live and without a user. */
async function assignFree(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  session_id: string,
  user_id: string,
): Promise<Session> {
  const { namespace } = caller;
  const at = timestamp(deps.now());
  const outcome = await store.sessions.assign(namespace, session_id, user_id, at);
  if (outcome === 'user_missing') {
    throw userNotFound(deps, user_id, await store.users.find(namespace, user_id));
  }
  if (outcome.applied) {
    deps.onChange(namespace, { session_id, owner: user_id, listed: true });
    return outcome.record;
  }
  if (outcome.found?.deleted_at === undefined && outcome.found !== undefined) {
    assertFree(outcome.found, user_id);
  }
  throw await sessionNotFound(deps, caller, store, session_id, outcome.found);
}

/**
 * Makes sure that messages to a session become a user's: creates a session that is missing, and assigns one
 * that has no user. A deleted session stays deleted: it is to be assigned once it is live again.
 *
 * @returns whether the session was created, or is still to be assigned
 * @throws ServiceError as `assignUser`
 */
export async function claimSession(
  deps: Dependencies,
  caller: Caller,
  store: Store,
  session_id: string,
  user_id: string,
): Promise<'created' | 'to_be_assigned' | undefined> {
  if (!canAccess(caller, user_id)) throw userNotFound(deps, user_id);
  let session = await store.sessions.find(caller, session_id);
  if (session === undefined || isPastUndoDeadline(deps, session)) {
    const outcome = await sessionCreator(deps)(caller, store, { session_id, user_id });
    if (outcome.applied) return 'created';
    session = outcome.found;
  }
  if (session === undefined || session.user_id === user_id) return undefined;
  assertFree(session, user_id);
  if (session.deleted_at === undefined) {
    await assignFree(deps, caller, store, session_id, user_id);
    return undefined;
  }
  const user = await store.users.find(caller.namespace, user_id);
  if (user === undefined || user.deleted_at !== undefined) throw userNotFound(deps, user_id, user);
  return 'to_be_assigned';
}

/** @throws ServiceError ALREADY_EXISTS if a session belongs to another user */
function assertFree(
  { session_id, user_id: owner }: Pick<Session, 'session_id' | 'user_id'>,
  user_id: string,
): void {
  if (owner === undefined || owner === user_id) return;
  throw new ServiceError({ kind: 'session_has_user', session_id, user_id: owner });
}
