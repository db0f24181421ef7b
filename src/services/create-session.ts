import type { JsonObject } from '../domain/metadata.ts';
import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { Store, WriteResult } from '../store/port.ts';
import type { Caller, Dependencies } from './dependencies.ts';
import { describeAbsence } from './not-found.ts';
import { canAccess, forbiddenSession, sessionPrefix } from './pinned-user.ts';
import { retryAfterPurge } from './undo-deadline.ts';

export interface NewSession {
  session_id: string;
  user_id?: string | undefined;
  metadata?: JsonObject | undefined;
}

/**
 * Returns a function that adds a session, in the place of one that is past its purge if there is one.
 *
 * It throws `DomainError`: NOT_FOUND when there is no such user, PERMISSION_DENIED when a pinned
 * caller may not have a session of that identifier.
 */
export function createSessionCreator(deps: Dependencies) {
  const absence = describeAbsence(deps);

  async function insert(caller: Caller, store: Store, input: NewSession) {
    const at = timestamp(deps.now());
    return retryAfterPurge(
      deps,
      () =>
        store.sessions.insert(caller.namespace, {
          session_id: input.session_id,
          uuid: deps.newUuid(),
          ...(input.user_id !== undefined && { user_id: input.user_id }),
          metadata: input.metadata ?? {},
          created_at: at,
          updated_at: at,
          message_count: 0,
        }),
      (outcome) => (outcome === 'user_missing' || outcome.applied ? undefined : outcome.found),
      (cutoff) => store.sessions.purge(caller.namespace, input.session_id, cutoff),
    );
  }

  /** A pinned caller's user comes to be with the first session: the credential vouches for it. */
  async function addOwner({ namespace }: Caller, store: Store, user_id: string): Promise<void> {
    const at = timestamp(deps.now());
    const user = { user_id, uuid: deps.newUuid(), metadata: {}, created_at: at, updated_at: at };
    const outcome = await retryAfterPurge(
      deps,
      () => store.users.insert(namespace, user),
      (outcome) => (outcome.applied ? undefined : outcome.found),
      (cutoff) => store.users.purge(namespace, user_id, cutoff),
    );
    if (outcome.applied) deps.onChange(namespace, { user_id });
  }

  return async (caller: Caller, store: Store, input: NewSession): Promise<WriteResult<Session>> => {
    const { user_id: pin } = caller;
    const owned = { ...input, user_id: input.user_id ?? pin };
    if (!canAccess(caller, owned.user_id)) {
      throw absence.user(caller, owned.user_id as string, undefined);
    }
    if (pin !== undefined && !input.session_id.startsWith(sessionPrefix(pin))) {
      const owner = await store.sessions.owner(caller.namespace, input.session_id);
      if (owner?.user_id !== pin) throw forbiddenSession(input.session_id, pin);
    }
    let outcome = await insert(caller, store, owned);
    if (outcome === 'user_missing' && pin !== undefined) {
      await addOwner(caller, store, pin);
      outcome = await insert(caller, store, owned);
    }
    if (outcome === 'user_missing') {
      const userId = owned.user_id as string;
      throw absence.user(caller, userId, await store.users.find(caller.namespace, userId));
    }
    if (outcome.applied || pin === undefined || canAccess(caller, outcome.found?.user_id)) {
      return outcome;
    }
    throw forbiddenSession(input.session_id, pin);
  };
}
