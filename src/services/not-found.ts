import type { Session, User } from '../domain/records.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import type { Dependencies } from './dependencies.ts';
import { type DeletionFact, ServiceError, type SessionDeletionFact } from './errors.ts';
import { isPastUndoDeadline, undoDeadline } from './undo-deadline.ts';

type Retention = Pick<Dependencies, 'purgeAfter' | 'now'>;

/** @param found the record if it is soft-deleted; `undefined` if it does not exist */
export async function sessionNotFound(
  deps: Retention,
  caller: Caller,
  store: Store,
  session_id: string,
  found: Session | undefined,
): Promise<ServiceError> {
  const deletion =
    found === undefined || isPastUndoDeadline(deps, found)
      ? undefined
      : await sessionDeletion(deps, caller, store, found);
  return new ServiceError({ kind: 'session_not_found', session_id, deletion });
}

/** @param found the record if it is soft-deleted; `undefined` if it does not exist */
export function userNotFound(
  deps: Retention,
  user_id: string,
  found?: User | undefined,
): ServiceError {
  const deletion =
    found === undefined || isPastUndoDeadline(deps, found) ? undefined : deletionOf(deps, found);
  return new ServiceError({ kind: 'user_not_found', user_id, deletion });
}

/** The deletion of a soft-deleted session; `undefined` for a live one. */
export async function sessionDeletion(
  deps: Retention,
  { namespace }: Caller,
  store: Store,
  session: Session,
): Promise<SessionDeletionFact | undefined> {
  const deletion = deletionOf(deps, session);
  if (deletion === undefined) return undefined;
  const { user_id } = session;
  const owner = user_id === undefined ? undefined : await store.users.find(namespace, user_id);
  return {
    ...deletion,
    ...(owner?.deleted_at !== undefined && {
      deletedOwner: { user_id: owner.user_id, deleted_at: owner.deleted_at },
    }),
  };
}

/** The deletion of a soft-deleted record; `undefined` for a live one. */
export function deletionOf(
  deps: Pick<Retention, 'purgeAfter'>,
  { deleted_at }: { deleted_at?: string | undefined },
): DeletionFact | undefined {
  if (deleted_at === undefined) return undefined;
  return { deleted_at, purge_at: undoDeadline(deleted_at, deps.purgeAfter) };
}
