import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { ChangedMessages } from '../store/message-port.ts';
import type { Store } from '../store/port.ts';
import type { Caller } from './caller.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { sessionNotFound } from './not-found.ts';
import { purgeCutoff, undoDeadline } from './undo-deadline.ts';

/**
 * The deletion of single messages, and its undo. Both throw `ServiceError` NOT_FOUND, and change nothing,
 * when one of the messages is missing.
 */
export function createMessageDeletion(deps: Dependencies) {
  /** Announces a change of single messages, or throws what kept it from happening. */
  async function settled(
    caller: Caller,
    store: Store,
    sessionId: string,
    { session, missing, changed }: ChangedMessages,
  ): Promise<Session> {
    if (session === undefined || session.deleted_at !== undefined) {
      throw await sessionNotFound(deps, caller, store, sessionId, session);
    }
    if (missing.length > 0) {
      throw new ServiceError({ kind: 'messages_not_found', session_id: sessionId, uuids: missing });
    }
    if (changed.length > 0) {
      const { session_id, user_id: owner } = session;
      deps.onChange(caller.namespace, { session_id, owner, listed: false });
    }
    return session;
  }

  return {
    /**
     * Soft-deletes messages of a session. Those that are deleted already stay so, so a retry is safe.
     *
     * @returns the session, how many messages are deleted by this call, and when they are purged
     */
    async delete(
      caller: Caller,
      sessionId: string,
      uuids: readonly string[],
    ): Promise<{ session: Session; messages: number; purge_at: string | undefined }> {
      const store = await deps.store();
      const at = timestamp(deps.now());
      const outcome = await store.messages.delete(caller, sessionId, uuids, at);
      const session = await settled(caller, store, sessionId, outcome);
      const purge_at = undoDeadline(at, deps.purgeAfter);
      return { session, messages: outcome.changed.length, purge_at };
    },

    /** Undoes the deletion of single messages. Those that are not deleted stay as they are. */
    async restore(
      caller: Caller,
      sessionId: string,
      uuids: readonly string[],
    ): Promise<{ session: Session; messages: number }> {
      const store = await deps.store();
      const cutoff = purgeCutoff(deps.now(), deps.purgeAfter);
      const outcome = await store.messages.restore(caller, sessionId, uuids, cutoff);
      const session = await settled(caller, store, sessionId, outcome);
      deps.embeddings?.offer(
        caller.namespace,
        outcome.changed.map(({ seq, content }) => ({
          place: { session_id: sessionId, session_uuid: session.uuid, seq },
          content,
        })),
      );
      return { session, messages: outcome.changed.length };
    },
  };
}
