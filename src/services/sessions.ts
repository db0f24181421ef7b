import { DomainError, quoted } from '../domain/errors.ts';
import type { JsonObject } from '../domain/metadata.ts';
import { cutPage, type PageArguments, sealCursor, windowOf } from '../domain/pages.ts';
import type { Session } from '../domain/records.ts';
import type { SessionQuery, Store } from '../store/store.ts';
import { type Caller, type Dependencies, purgeTime } from './services.ts';

/**
 * The most bytes of records in one answer. Hosts cut tool answers at about 25,000 tokens; a page
 * that would be longer ends early and says how to go on.
 */
export const PAGE_MAX_BYTES = 90_000;

export interface NewSession {
  session_id: string;
  user_id?: string | undefined;
  metadata?: JsonObject | undefined;
}

export interface SessionList extends SessionQuery, PageArguments {
  include_total?: boolean | undefined;
}

export interface SessionPage {
  sessions: Session[];
  next_cursor?: string;
  total_count?: number;
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

  async function missing(caller: Caller, store: Store, sessionId: string, found?: Session) {
    if (found?.deleted_at === undefined) {
      return new DomainError(
        'NOT_FOUND',
        `There is no session ${quoted(sessionId)}. Check the session_id, or create it with add_session; list_sessions shows what there is.`,
      );
    }
    return new DomainError(
      'NOT_FOUND',
      `Session ${quoted(sessionId)} ${await deletionOf(caller, store, found)}`,
    );
  }

  async function deletionOf(caller: Caller, store: Store, session: Session): Promise<string> {
    const at = session.deleted_at as string;
    const until = purgeTime(at, deps.purgeAfter);
    const owner =
      session.user_id === undefined
        ? undefined
        : await store.users.find(caller.namespace, session.user_id);
    const remedy =
      owner?.deleted_at === undefined
        ? 'Call restore_session to bring it back with its messages, or add_memory to continue it without them.'
        : `Its user ${quoted(owner.user_id)} is deleted: call restore_user to bring both back.`;
    return until === undefined
      ? `was deleted at ${at} and is kept until it is restored. ${remedy}`
      : `was deleted at ${at} and can be restored until ${until}, when it is purged. ${remedy}`;
  }

  return {
    async add(caller: Caller, input: NewSession): Promise<Session> {
      const store = await deps.store();
      const at = timestamp();
      const outcome = await store.sessions.insert(caller.namespace, {
        session_id: input.session_id,
        uuid: deps.newUuid(),
        ...(input.user_id !== undefined && { user_id: input.user_id }),
        metadata: input.metadata ?? {},
        created_at: at,
        updated_at: at,
        message_count: 0,
      });
      if (outcome === 'user_missing') {
        throw new DomainError(
          'NOT_FOUND',
          `There is no user ${quoted(input.user_id as string)}. Create it with add_user first, or leave user_id out.`,
        );
      }
      if (outcome.applied) return outcome.record;
      const name = `Session ${quoted(input.session_id)}`;
      throw new DomainError(
        'ALREADY_EXISTS',
        outcome.found?.deleted_at === undefined
          ? `${name} exists already. Use it as it is, change it with update_session_metadata, or choose another session_id.`
          : `${name} exists: it ${await deletionOf(caller, store, outcome.found)}`,
      );
    },

    async get(caller: Caller, sessionId: string): Promise<Session> {
      const store = await deps.store();
      const found = await store.sessions.find(caller.namespace, sessionId);
      if (found !== undefined && found.deleted_at === undefined) return found;
      throw await missing(caller, store, sessionId, found);
    },

    async updateMetadata(caller: Caller, sessionId: string, patch: JsonObject): Promise<Session> {
      const store = await deps.store();
      const outcome = await store.sessions.merge(caller.namespace, sessionId, patch, timestamp());
      if (outcome.applied) return outcome.record;
      throw await missing(caller, store, sessionId, outcome.found);
    },

    /** Deletes, or answers with the deletion that is already there, so that a retry is safe. */
    async delete(caller: Caller, sessionId: string): Promise<Deletion> {
      const store = await deps.store();
      const outcome = await store.sessions.delete(caller.namespace, sessionId, timestamp());
      const session = outcome.applied ? outcome.record : outcome.found;
      if (session?.deleted_at === undefined) throw await missing(caller, store, sessionId);
      return { session, purge_at: purgeTime(session.deleted_at, deps.purgeAfter) };
    },

    /** Undoes a deletion; a session that is live stays as it is. */
    async restore(caller: Caller, sessionId: string): Promise<Session> {
      const store = await deps.store();
      const outcome = await store.sessions.restore(caller.namespace, sessionId);
      const session = outcome.applied ? outcome.record : outcome.found;
      if (session !== undefined && session.deleted_at === undefined) return session;
      throw await missing(caller, store, sessionId, session);
    },

    async list(caller: Caller, list: SessionList): Promise<SessionPage> {
      const store = await deps.store();
      const { user_id, order_by, order, deleted } = list;
      const query: SessionQuery = { user_id, order_by, order, deleted };
      const cursorQuery = ['sessions', caller.namespace, user_id, order_by, order, deleted];
      const window = windowOf(list, cursorQuery);
      const { namespace } = caller;
      const found = await store.sessions.list(namespace, query, {
        ...window,
        limit: window.limit + 1,
      });
      const { page, cut } = cutPage(found, window.limit, PAGE_MAX_BYTES);
      const last = page.at(-1);
      return {
        sessions: page,
        ...(cut &&
          last !== undefined && {
            next_cursor: sealCursor(
              { value: Date.parse(last[order_by]), key: last.uuid },
              cursorQuery,
            ),
          }),
        ...(list.include_total === true && {
          total_count: await store.sessions.count(namespace, query),
        }),
      };
    },

    /** Up to `limit` identifiers of live sessions that start with `prefix`. */
    async complete(caller: Caller, prefix: string, limit: number): Promise<string[]> {
      const store = await deps.store();
      return store.sessions.identifiers(caller.namespace, prefix, limit);
    },
  };
}
