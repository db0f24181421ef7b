import type { JsonObject } from '../domain/metadata.ts';
import { PAGE_LIMIT_MAX } from '../domain/pagination.ts';
import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type { WriteResult } from '../store/common-port.ts';
import type { Listed, ListPageRequest, Restored, SessionQuery } from '../store/port.ts';
import { assignUser } from './assign-user.ts';
import type { Caller } from './caller.ts';
import { type NewSession, sessionCreator } from './create-session.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { queueLongRead } from './fair-queue.ts';
import { sessionDeletion, sessionNotFound } from './not-found.ts';
import { type ListArguments, listPage, type Page } from './pagination.ts';
import { canAccess } from './pinned-user.ts';
import { undoDeadline } from './undo-deadline.ts';

export interface SessionList extends ListArguments {
  user_id?: string | undefined;
}

export interface Deletion {
  session: Session;
  /** When it is purged; `undefined` if never. */
  purge_at: string | undefined;
}

export type SessionService = ReturnType<typeof createSessionService>;

/** The rules for sessions: docs/architecture.md. Every method throws `DomainError`. */
export function createSessionService(deps: Dependencies) {
  const now = () => timestamp(deps.now());
  const createSession = sessionCreator(deps);

  /** Announces a change that was applied. Returns the session as it is now. */
  function announce(caller: Caller, change: WriteResult<Session>): Session | undefined {
    if (!change.applied) return change.found;
    const { session_id, user_id: owner } = change.record;
    deps.onChange(caller.namespace, { session_id, owner, listed: true });
    return change.record;
  }

  async function get(caller: Caller, sessionId: string): Promise<Session> {
    const store = await deps.store();
    const found = await store.sessions.find(caller, sessionId);
    if (found !== undefined && found.deleted_at === undefined) return found;
    throw await sessionNotFound(deps, caller, store, sessionId, found);
  }

  async function updateMetadata(
    caller: Caller,
    sessionId: string,
    patch: JsonObject,
  ): Promise<Session> {
    const store = await deps.store();
    const outcome = await store.sessions.merge(caller, sessionId, patch, now());
    const session = announce(caller, outcome);
    if (outcome.applied) return outcome.record;
    throw await sessionNotFound(deps, caller, store, sessionId, session);
  }

  return {
    async add(caller: Caller, input: NewSession): Promise<Session> {
      const store = await deps.store();
      const outcome = await createSession(caller, store, input);
      const session = announce(caller, outcome);
      if (outcome.applied) return outcome.record;
      const deletion = session && (await sessionDeletion(deps, caller, store, session));
      throw new ServiceError({ kind: 'session_exists', session_id: input.session_id, deletion });
    },

    get,

    updateMetadata,

    /**
     * Gives a session a title, which is part of its metadata, and a user if it has none.
     *
     * @param update.title `null` removes it
     */
    async update(
      caller: Caller,
      sessionId: string,
      update: { user_id?: string | undefined; title?: string | null | undefined },
    ): Promise<Session> {
      const { user_id, title } = update;
      const assigned =
        user_id === undefined
          ? undefined
          : await assignUser(deps, caller, await deps.store(), sessionId, user_id);
      if (title !== undefined) return updateMetadata(caller, sessionId, { title });
      return assigned ?? get(caller, sessionId);
    },

    /** Deletes a session. An existing deletion is returned again, so a retry is safe. */
    async delete(caller: Caller, sessionId: string): Promise<Deletion> {
      const store = await deps.store();
      const outcome = await store.sessions.delete(caller, sessionId, now());
      const session = announce(caller, outcome);
      if (session?.deleted_at === undefined) {
        throw await sessionNotFound(deps, caller, store, sessionId, undefined);
      }
      return { session, purge_at: undoDeadline(session.deleted_at, deps.purgeAfter) };
    },

    /**
     * Undoes a deletion. For a live session, restores the messages that stayed deleted when it was
     * revived; without any, it changes nothing.
     */
    async restore(caller: Caller, sessionId: string): Promise<Restored> {
      const store = await deps.store();
      const outcome = await store.sessions.restore(caller, sessionId);
      if (outcome.applied) {
        const { user_id: owner } = outcome.record.session;
        deps.onChange(caller.namespace, { session_id: sessionId, owner, listed: true });
        return outcome.record;
      }
      const { found } = outcome;
      if (found !== undefined && found.deleted_at === undefined) {
        return { session: found, messages: 0 };
      }
      throw await sessionNotFound(deps, caller, store, sessionId, found);
    },

    async list(caller: Caller, list: SessionList): Promise<Page<Session>> {
      const store = await deps.store();
      const { sessions } = store;
      const { namespace, user_id: pin } = caller;
      const { user_id = pin, order_by, order, deleted } = list;
      const query: SessionQuery = { user_id, order_by, order, deleted };
      const source = {
        fingerprint: ['sessions', namespace, pin, user_id],
        read: async (page: ListPageRequest): Promise<Listed<Session>> =>
          canAccess(caller, user_id)
            ? sessions.list(namespace, query, page)
            : { records: [], ...(page.total && { total: 0 }) },
        queue: (read: () => Promise<Listed<Session>>) =>
          queueLongRead(deps.longReads, caller, store, read),
      };
      return listPage(list, source, deps.answer);
    },

    /**
     * Up to `limit` identifiers of live sessions that start with `prefix`. A pinned caller gets
     * those of the most recently changed sessions.
     */
    async complete(caller: Caller, prefix: string, limit: number): Promise<string[]> {
      const { sessions } = await deps.store();
      const { namespace, user_id } = caller;
      if (user_id === undefined) return sessions.identifiers(namespace, prefix, limit);
      // A scan by identifier would read the sessions of all other users.
      const own = { user_id, order_by: 'updated_at', order: 'desc', deleted: 'exclude' } as const;
      const last = { limit: PAGE_LIMIT_MAX, metadataMaxBytes: 0 };
      return (await sessions.list(namespace, own, last)).records
        .map(({ session_id }) => session_id)
        .filter((id) => id.startsWith(prefix))
        .sort()
        .slice(0, limit);
    },
  };
}
