import { DomainError, quoted } from '../domain/errors.ts';
import type { JsonObject } from '../domain/metadata.ts';
import { PAGE_LIMIT_MAX } from '../domain/pagination.ts';
import type { Session } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import { truncateMetadata } from '../mcp/answer/truncate.ts';
import type { Restored, SessionQuery, WriteResult } from '../store/port.ts';
import { createSessionCreator, type NewSession } from './create-session.ts';
import {
  type Caller,
  type Dependencies,
  queueLongRead,
  sessionChangeEvent,
  undoDeadline,
} from './dependencies.ts';
import { describeAbsence } from './not-found.ts';
import { type ListArguments, listPage, type Page, type Source } from './pagination.ts';
import { canAccess } from './pinned-user.ts';

export interface SessionList extends ListArguments {
  user_id?: string | undefined;
}

export interface Deletion {
  session: Session;
  /** When it is gone for good; `undefined` if never. */
  purge_at: string | undefined;
}

export type SessionService = ReturnType<typeof createSessionService>;

/** The rules for sessions (design §3 to §5). Every method throws `DomainError`. */
export function createSessionService(deps: Dependencies) {
  const now = () => timestamp(deps.now());
  const absence = describeAbsence(deps);
  const begin = createSessionCreator(deps);

  /** Tells of a change that was applied, and says what is there now. */
  function told(caller: Caller, change: WriteResult<Session>): Session | undefined {
    if (!change.applied) return change.found;
    deps.onChange(caller.namespace, sessionChangeEvent(change.record, true));
    return change.record;
  }

  return {
    async add(caller: Caller, input: NewSession): Promise<Session> {
      const store = await deps.store();
      const outcome = await begin(caller, store, input);
      const session = told(caller, outcome);
      if (outcome.applied) return outcome.record;
      const name = `Session ${quoted(input.session_id)}`;
      throw new DomainError(
        'ALREADY_EXISTS',
        session?.deleted_at === undefined
          ? `${name} exists already. Use it as it is, change it with update_session_metadata, or choose another session_id.`
          : `${name} exists: it ${await absence.deletedSession(caller, store, session)}`,
      );
    },

    async get(caller: Caller, sessionId: string): Promise<Session> {
      const store = await deps.store();
      const found = await store.sessions.find(caller, sessionId);
      if (found !== undefined && found.deleted_at === undefined) return found;
      throw await absence.session(caller, store, sessionId, found);
    },

    async updateMetadata(caller: Caller, sessionId: string, patch: JsonObject): Promise<Session> {
      const store = await deps.store();
      const outcome = await store.sessions.merge(caller, sessionId, patch, now());
      const session = told(caller, outcome);
      if (outcome.applied) return outcome.record;
      throw await absence.session(caller, store, sessionId, session);
    },

    /** Deletes, or answers with the deletion that is already there, so that a retry is safe. */
    async delete(caller: Caller, sessionId: string): Promise<Deletion> {
      const store = await deps.store();
      const outcome = await store.sessions.delete(caller, sessionId, now());
      const session = told(caller, outcome);
      if (session?.deleted_at === undefined) {
        throw await absence.session(caller, store, sessionId, undefined);
      }
      return { session, purge_at: undoDeadline(session.deleted_at, deps.purgeAfter) };
    },

    /**
     * Undoes a deletion. Of a live session, puts back the messages that stayed deleted when it was
     * revived; without any, it stays as it is.
     */
    async restore(caller: Caller, sessionId: string): Promise<Restored> {
      const store = await deps.store();
      const outcome = await store.sessions.restore(caller, sessionId);
      if (outcome.applied) {
        deps.onChange(caller.namespace, sessionChangeEvent(outcome.record.session, true));
        return outcome.record;
      }
      const { found } = outcome;
      if (found !== undefined && found.deleted_at === undefined) {
        return { session: found, messages: 0 };
      }
      throw await absence.session(caller, store, sessionId, found);
    },

    async list(caller: Caller, list: SessionList): Promise<Page<Session>> {
      const store = await deps.store();
      const { sessions } = store;
      const { namespace, user_id: pin } = caller;
      const { user_id = pin, order_by, order, deleted } = list;
      const query: SessionQuery = { user_id, order_by, order, deleted };
      const source: Source<Session> = canAccess(caller, user_id)
        ? (window) => sessions.list(namespace, query, window)
        : async ({ total }) => ({ records: [], ...(total && { total: 0 }) });
      const turn = <T>(read: () => Promise<T>) => queueLongRead(deps, caller, store, read);
      return listPage(list, ['sessions', namespace, pin, user_id], source, truncateMetadata, turn);
    },

    /**
     * Up to `limit` identifiers of live sessions that start with `prefix`; for a pinned caller, of
     * the last changed ones.
     */
    async complete(caller: Caller, prefix: string, limit: number): Promise<string[]> {
      const { sessions } = await deps.store();
      const { namespace, user_id } = caller;
      if (user_id === undefined) return sessions.identifiers(namespace, prefix, limit);
      // Not by identifier: going through those of others would take the longer the more there are.
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
