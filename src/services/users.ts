import type { JsonObject } from '../domain/metadata.ts';
import { PAGE_LIMIT_MAX, type Position } from '../domain/pagination.ts';
import type { User } from '../domain/records.ts';
import { timestamp } from '../domain/times.ts';
import type {
  Listed,
  ListPageRequest,
  ListQuery,
  Progress,
  Store,
  UserChange,
} from '../store/port.ts';
import type { Caller } from './caller.ts';
import { createUser } from './create-user.ts';
import type { Dependencies } from './dependencies.ts';
import { ServiceError } from './errors.ts';
import { queueLongRead } from './fair-queue.ts';
import { deletionOf, userNotFound } from './not-found.ts';
import { type ListArguments, listPage, type Page } from './pagination.ts';
import { assertUnpinned, canAccess } from './pinned-user.ts';
import { undoDeadline } from './undo-deadline.ts';

export interface NewUser {
  user_id: string;
  email?: string | undefined;
  first_name?: string | undefined;
  last_name?: string | undefined;
  metadata?: JsonObject | undefined;
  /** When they were added elsewhere, in the form of the records. No front end offers this. */
  created_at?: string | undefined;
}

/** Changes to a user: `null` removes a field, metadata is merged. */
export type UserUpdate = {
  [Field in keyof UserChange['fields']]?: string | null | undefined;
} & { metadata?: JsonObject | undefined };

export interface UserDeletion {
  user: User;
  /** The number of sessions deleted or restored with the user. */
  sessions: number;
  /** When it is purged; `undefined` if never. */
  purge_at: string | undefined;
}

export type UserService = ReturnType<typeof createUserService>;

/** The rules for users: docs/architecture.md. Every method throws `DomainError`. */
export function createUserService(deps: Dependencies) {
  const now = () => timestamp(deps.now());

  /** The identifiers of a user's live sessions. */
  async function liveSessions(caller: Caller, store: Store, user_id: string): Promise<string[]> {
    const query = { user_id, order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;
    const found: string[] = [];
    let after: Position | undefined;
    do {
      const { records: page } = await store.sessions.list(caller.namespace, query, {
        limit: PAGE_LIMIT_MAX,
        metadataMaxBytes: 0,
        ...(after !== undefined && { after }),
      });
      found.push(...page.map(({ session_id }) => session_id));
      const last = page.length < PAGE_LIMIT_MAX ? undefined : page.at(-1);
      after = last && { value: Date.parse(last.created_at), key: last.uuid };
    } while (after !== undefined);
    return found;
  }

  /** Announces a deletion or restoration of a user and of these sessions. */
  function announce({ namespace }: Caller, user_id: string, sessions: readonly string[]): void {
    deps.onChange(namespace, { user_id });
    for (const session_id of sessions) {
      deps.onChange(namespace, { session_id, owner: user_id, listed: false });
    }
  }

  return {
    async add(caller: Caller, input: NewUser): Promise<User> {
      assertUnpinned(caller);
      const store = await deps.store();
      const at = now();
      const { user_id, metadata = {}, created_at = at, ...names } = input;
      const outcome = await createUser(deps, store, caller.namespace, {
        user_id,
        uuid: deps.newUuid(),
        ...present(names),
        metadata,
        created_at,
        updated_at: at,
      });
      if (outcome.applied) return outcome.record;
      const deletion = outcome.found && deletionOf(deps, outcome.found);
      throw new ServiceError({ kind: 'user_exists', user_id, deletion });
    },

    async get(caller: Caller, userId: string): Promise<User> {
      if (!canAccess(caller, userId)) throw userNotFound(deps, userId);
      const store = await deps.store();
      const found = await store.users.find(caller.namespace, userId);
      if (found !== undefined && found.deleted_at === undefined) return found;
      throw userNotFound(deps, userId, found);
    },

    async update(caller: Caller, userId: string, update: UserUpdate): Promise<User> {
      if (!canAccess(caller, userId)) throw userNotFound(deps, userId);
      const store = await deps.store();
      const { metadata = {}, ...fields } = update;
      const change = { fields: present(fields), metadata };
      const outcome = await store.users.update(caller.namespace, userId, change, now());
      if (!outcome.applied) throw userNotFound(deps, userId, outcome.found);
      deps.onChange(caller.namespace, { user_id: userId });
      return outcome.record;
    },

    /**
     * Deletes a user with all of their sessions. An existing deletion is returned again, so a retry
     * is safe.
     */
    async delete(caller: Caller, userId: string, progress?: Progress): Promise<UserDeletion> {
      assertUnpinned(caller);
      const store = await deps.store();
      const sessions = await liveSessions(caller, store, userId);
      const deleted = await store.users.delete(caller.namespace, userId, now(), progress);
      if (deleted?.user.deleted_at === undefined) throw userNotFound(deps, userId);
      announce(caller, userId, sessions);
      return { ...deleted, purge_at: undoDeadline(deleted.user.deleted_at, deps.purgeAfter) };
    },

    /** Undoes exactly what the deletion did. A live user is not changed. */
    async restore(caller: Caller, userId: string, progress?: Progress): Promise<UserDeletion> {
      assertUnpinned(caller);
      const store = await deps.store();
      const restored = await store.users.restore(caller.namespace, userId, progress);
      if (restored === undefined) throw userNotFound(deps, userId);
      announce(caller, userId, await liveSessions(caller, store, userId));
      return { ...restored, purge_at: undefined };
    },

    async list(caller: Caller, list: ListArguments): Promise<Page<User>> {
      const store = await deps.store();
      const { users } = store;
      const { namespace, user_id: pin } = caller;
      const { order_by, order, deleted } = list;
      const query: ListQuery = { order_by, order, deleted };
      const source = {
        fingerprint: ['users', namespace, pin],
        read: async (page: ListPageRequest): Promise<Listed<User>> =>
          pin === undefined
            ? users.list(namespace, query, page)
            : listOfOne(await users.find(namespace, pin), deleted, page),
        queue: (read: () => Promise<Listed<User>>) =>
          queueLongRead(deps.longReads, caller, store, read),
      };
      return listPage(list, source, deps.answer);
    },

    /** Up to `limit` identifiers of live users that start with `prefix`. */
    async complete(caller: Caller, prefix: string, limit: number): Promise<string[]> {
      const { users } = await deps.store();
      const { namespace, user_id: pin } = caller;
      if (pin === undefined) return users.identifiers(namespace, prefix, limit);
      const self = pin.startsWith(prefix) ? await users.find(namespace, pin) : undefined;
      return self !== undefined && self.deleted_at === undefined ? [pin] : [];
    },
  };
}

/** The list of users for a caller who is pinned to one: that user, or nobody. */
function listOfOne(
  user: User | undefined,
  deleted: ListQuery['deleted'],
  page: ListPageRequest,
): Listed<User> {
  const listed = user !== undefined && (user.deleted_at !== undefined) === (deleted === 'only');
  const all = listed ? [user] : [];
  const behind = ('after' in page && page.after) || ('offset' in page && page.offset > 0);
  return { records: behind ? [] : all, ...(page.total && { total: all.length }) };
}

/** The properties that have a value. */
function present<T extends object>(object: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}
