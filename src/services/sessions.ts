import { DomainError, quoted } from '../domain/errors.ts';
import type { JsonObject } from '../domain/metadata.ts';
import type { Session } from '../domain/records.ts';
import type { Change, ListWindow, SessionQuery } from '../store/store.ts';
import { describeAbsence } from './absence.ts';
import { withMetadataCut } from './fit.ts';
import { type ListArguments, listPage, type Page } from './lists.ts';
import { type Caller, changed, type Dependencies, purgeCutoff, purgeTime } from './services.ts';

export interface NewSession {
  session_id: string;
  user_id?: string | undefined;
  metadata?: JsonObject | undefined;
}

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
  const timestamp = () => new Date(deps.now()).toISOString();
  const absence = describeAbsence(deps);

  /** Tells of a change that was applied, and says what is there now. */
  function told(caller: Caller, change: Change<Session>): Session | undefined {
    if (!change.applied) return change.found;
    deps.onChange(caller.namespace, changed(change.record, true));
    return change.record;
  }

  return {
    async add(caller: Caller, input: NewSession): Promise<Session> {
      const store = await deps.store();
      const at = timestamp();
      const { namespace } = caller;
      const insert = () =>
        store.sessions.insert(namespace, {
          session_id: input.session_id,
          uuid: deps.newUuid(),
          ...(input.user_id !== undefined && { user_id: input.user_id }),
          metadata: input.metadata ?? {},
          created_at: at,
          updated_at: at,
          message_count: 0,
        });
      let outcome = await insert();
      if (
        outcome !== 'user_missing' &&
        !outcome.applied &&
        outcome.found &&
        absence.isPast(outcome.found)
      ) {
        const cutoff = purgeCutoff(deps.now(), deps.purgeAfter) as string;
        await store.sessions.purge(namespace, input.session_id, cutoff);
        outcome = await insert();
      }
      if (outcome === 'user_missing') {
        const userId = input.user_id as string;
        throw absence.user(userId, await store.users.find(caller.namespace, userId));
      }
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
      const found = await store.sessions.find(caller.namespace, sessionId);
      if (found !== undefined && found.deleted_at === undefined) return found;
      throw await absence.session(caller, store, sessionId, found);
    },

    async updateMetadata(caller: Caller, sessionId: string, patch: JsonObject): Promise<Session> {
      const store = await deps.store();
      const outcome = await store.sessions.merge(caller.namespace, sessionId, patch, timestamp());
      const session = told(caller, outcome);
      if (outcome.applied) return outcome.record;
      throw await absence.session(caller, store, sessionId, session);
    },

    /** Deletes, or answers with the deletion that is already there, so that a retry is safe. */
    async delete(caller: Caller, sessionId: string): Promise<Deletion> {
      const store = await deps.store();
      const outcome = await store.sessions.delete(caller.namespace, sessionId, timestamp());
      const session = told(caller, outcome);
      if (session?.deleted_at === undefined) {
        throw await absence.session(caller, store, sessionId, undefined);
      }
      return { session, purge_at: purgeTime(session.deleted_at, deps.purgeAfter) };
    },

    /** Undoes a deletion; a session that is live stays as it is. */
    async restore(caller: Caller, sessionId: string): Promise<Session> {
      const store = await deps.store();
      const outcome = await store.sessions.restore(caller.namespace, sessionId);
      const session = told(caller, outcome);
      if (session !== undefined && session.deleted_at === undefined) return session;
      throw await absence.session(caller, store, sessionId, session);
    },

    async list(caller: Caller, list: SessionList): Promise<Page<Session>> {
      const { sessions } = await deps.store();
      const { namespace } = caller;
      const { user_id, order_by, order, deleted } = list;
      const query: SessionQuery = { user_id, order_by, order, deleted };
      const source = {
        list: (window: ListWindow) => sessions.list(namespace, query, window),
        count: () => sessions.count(namespace, query),
      };
      return listPage(list, ['sessions', namespace, user_id], source, withMetadataCut);
    },

    /** Up to `limit` identifiers of live sessions that start with `prefix`. */
    async complete(caller: Caller, prefix: string, limit: number): Promise<string[]> {
      const store = await deps.store();
      return store.sessions.identifiers(caller.namespace, prefix, limit);
    },
  };
}
