import type { JsonObject } from '../domain/metadata.ts';
import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { WriteResult } from '../store/common-port.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import { createUser } from './create-user.ts';
import type { Dependencies } from './dependencies.ts';
import { userNotFound } from './not-found.ts';
import { canAccess, forbiddenSession, sessionPrefix } from './pinned-user.ts';
import { retryAfterPurge } from './undo-deadline.ts';

export interface NewSession {
  session_id: string;
  user_id?: string | undefined;
  metadata?: JsonObject | undefined;
  /** When it was begun elsewhere, in the form of the records. No front end offers this. */
  created_at?: string | undefined;
}

/**
 * Returns a function that creates a session. A soft-deleted session of that identifier whose undo
 * deadline has passed is purged first. The function throws `ServiceError`: NOT_FOUND when there is
 * no such user, PERMISSION_DENIED when a pinned caller may not use that identifier.
 */
export function sessionCreator(deps: Dependencies) {
  async function insert({ namespace }: Caller, store: Store, input: NewSession) {
    const attempt = () => {
      const at = timestamp(deps.now());
      return store.sessions.insert(namespace, {
        session_id: input.session_id,
        uuid: deps.newUuid(),
        ...(input.user_id !== undefined && { user_id: input.user_id }),
        metadata: input.metadata ?? {},
        created_at: input.created_at ?? at,
        updated_at: at,
        message_count: 0,
      });
    };
    return retryAfterPurge(
      deps,
      await attempt(),
      (outcome) => (outcome === 'user_missing' || outcome.applied ? undefined : outcome.found),
      (cutoff) => store.sessions.purge(namespace, input.session_id, cutoff),
      attempt,
    );
  }

  return async (caller: Caller, store: Store, input: NewSession): Promise<WriteResult<Session>> => {
    const { namespace, user_id: pin } = caller;
    const { session_id } = input;
    const owned = { ...input, user_id: input.user_id ?? pin };
    if (!canAccess(caller, owned.user_id)) throw userNotFound(deps, owned.user_id as string);
    if (pin !== undefined && !session_id.startsWith(sessionPrefix(pin))) {
      const owner = await store.sessions.owner(namespace, session_id);
      if (owner?.user_id !== pin) throw forbiddenSession(session_id, pin);
    }
    let outcome = await insert(caller, store, owned);
    if (outcome === 'user_missing' && pin !== undefined) {
      // A pinned caller's user record is created with the first session: the credential vouches for it.
      const at = timestamp(deps.now());
      const times = { created_at: at, updated_at: at };
      const user = { user_id: pin, uuid: deps.newUuid(), metadata: {}, ...times };
      await createUser(deps, store, namespace, user);
      outcome = await insert(caller, store, owned);
    }
    if (outcome === 'user_missing') {
      const userId = owned.user_id as string;
      throw userNotFound(deps, userId, await store.users.find(namespace, userId));
    }
    if (outcome.applied || pin === undefined || canAccess(caller, outcome.found?.user_id)) {
      return outcome;
    }
    throw forbiddenSession(session_id, pin);
  };
}
