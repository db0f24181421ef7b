import { DomainError, quoted } from '../domain/errors.ts';
import type { Session, User } from '../domain/records.ts';
import type { Store } from '../store/port.ts';
import { type Caller, type Dependencies, undoDeadline } from './dependencies.ts';
import { isPastUndoDeadline } from './undo-deadline.ts';

/** The words for records that are not there, or not any more: what happened, and the way back. */
export function describeAbsence(deps: Pick<Dependencies, 'purgeAfter' | 'now'>) {
  const until = (deletedAt: string) => {
    const time = undoDeadline(deletedAt, deps.purgeAfter);
    return time === undefined
      ? `was deleted at ${deletedAt} and is kept until it is restored.`
      : `was deleted at ${deletedAt} and can be restored until ${time}, when it is purged.`;
  };

  /** What to say of a deleted session, after its name. */
  async function deletedSession(caller: Caller, store: Store, session: Session): Promise<string> {
    const owner =
      session.user_id === undefined
        ? undefined
        : await store.users.find(caller.namespace, session.user_id);
    const remedy =
      owner?.deleted_at === undefined
        ? 'Call restore_session to bring it back with its messages. add_memory would bring it back without them; restore_session could still put them back then.'
        : owner.deleted_at === session.deleted_at
          ? `Its user ${quoted(owner.user_id)} is deleted: ${restoreUser(caller)} to bring both back.`
          : `Its user ${quoted(owner.user_id)} is deleted too: ${restoreUser(caller)}, then call restore_session.`;
    return `${until(session.deleted_at as string)} ${remedy}`;
  }

  return {
    deletedSession,

    /** NOT_FOUND for a session, of which `found` is there if it is soft-deleted. */
    async session(
      caller: Caller,
      store: Store,
      sessionId: string,
      found: Session | undefined,
    ): Promise<DomainError> {
      if (found?.deleted_at === undefined || isPastUndoDeadline(deps, found)) {
        return new DomainError(
          'NOT_FOUND',
          `There is no session ${quoted(sessionId)}. Check the session_id, or create it with add_session; list_sessions shows what there is.`,
        );
      }
      const text = await deletedSession(caller, store, found);
      return new DomainError('NOT_FOUND', `Session ${quoted(sessionId)} ${text}`);
    },

    /** What to say of a deleted user, after its name. */
    deletedUser: (caller: Caller, user: User) =>
      `${until(user.deleted_at as string)} To bring it back with its sessions, ${restoreUser(caller)}.`,

    /** NOT_FOUND for a user, of which `found` is there if it is soft-deleted. */
    user(caller: Caller, userId: string, found: User | undefined): DomainError {
      if (found?.deleted_at !== undefined && !isPastUndoDeadline(deps, found)) {
        const text = this.deletedUser(caller, found);
        return new DomainError('NOT_FOUND', `User ${quoted(userId)} ${text}`);
      }
      const remedy =
        caller.user_id === undefined
          ? 'Check the user_id, or create it with add_user; list_users shows whom there is.'
          : `Your credential is for the user ${quoted(caller.user_id)}, who comes to be with the first session.`;
      return new DomainError('NOT_FOUND', `There is no user ${quoted(userId)}. ${remedy}`);
    },
  };
}

/** Whoever is pinned to one user has no tool for that. */
const restoreUser = ({ user_id: pin }: Caller) =>
  pin === undefined ? 'call restore_user' : 'ask whoever runs the server to call restore_user';
