import type { Entity } from '../../domain/facts.ts';
import type { User } from '../../domain/records.ts';
import type { FoundMessage } from '../../store/message-port.ts';
import type { Store } from '../../store/port.ts';
import { type AddedMessage, createAppend } from '../append.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { isRefusal, ServiceError } from '../errors.ts';
import { deletionOf, userNotFound } from '../not-found.ts';
import { canAccess } from '../pinned-user.ts';
import { isPastUndoDeadline } from '../undo-deadline.ts';
import { type FactPlace, type ResolvedEntity, resolveEntities } from './lookup.ts';
import { forRecords, insider } from './records.ts';
import {
  type EntityRecord,
  entityMessage,
  factMessage,
  lacksMarkers,
  type StoredFact,
  toEntity,
  toFact,
} from './statements.ts';

/** How often a call looks whether others have replaced the markers of its facts. */
const LOOKS_MAX = 5;

/** A live user whom the caller may see, and where what is known about them is. */
export interface OpenedUser {
  store: Store;
  user: User;
  place: FactPlace;
}

export type FactAccess = ReturnType<typeof createFactAccess>;

/** Reaches what is known about users. Every function throws `DomainError`. */
export function createFactAccess(deps: Dependencies) {
  const append = createAppend(forRecords(deps));

  const appendTo = (caller: Caller, user_id: string, messages: readonly AddedMessage[]) =>
    append(insider(caller), user_id, messages, user_id).catch((error: unknown) => {
      throw isRefusal(error, 'session_not_found') ? userNotFound(deps, user_id) : error;
    });

  const find = (caller: Caller, store: Store, user_id: string, uuid: string) =>
    store.messages.find(insider(caller), user_id, uuid);

  /**
   * Gives facts the markers that they lack. Each of two calls at once replaces the markers of the other. Whoever
   * looks last sees the sources of both.
   */
  async function completeMarkers(caller: Caller, user_id: string, uuids: readonly string[]) {
    const store = await deps.store();
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const found = await Promise.all(uuids.map((uuid) => find(caller, store, user_id, uuid)));
      const lacking = found.flatMap(({ message }) =>
        message !== undefined && lacksMarkers(message) ? (toFact(message) ?? []) : [],
      );
      if (lacking.length === 0) return;
      await appendTo(caller, user_id, lacking.map(factMessage));
    }
  }

  /** Since when a fact or entity is deleted, and until when that can be undone. */
  const deletionIn = (found: FoundMessage) =>
    isPastUndoDeadline(deps, found) ? undefined : deletionOf(deps, found);

  return {
    find,

    async open(caller: Caller, user_id: string): Promise<OpenedUser> {
      if (!canAccess(caller, user_id)) throw userNotFound(deps, user_id);
      const store = await deps.store();
      const { namespace } = caller;
      const user = await store.users.find(namespace, user_id);
      if (user === undefined || user.deleted_at !== undefined) {
        throw userNotFound(deps, user_id, user);
      }
      return { store, user, place: { store, namespace, user_id } };
    },

    /** Appends to the records of a user, who may be deleted meanwhile. */
    append: appendTo,

    /** Stores entities and facts, and how far sessions were read for them, in one append. */
    async storeFacts(
      caller: Caller,
      user_id: string,
      { entities, facts }: { entities: readonly EntityRecord[]; facts: readonly StoredFact[] },
      coverage: readonly AddedMessage[],
    ): Promise<void> {
      const added = [...entities.map(entityMessage), ...facts.map(factMessage), ...coverage];
      if (added.length === 0) return;
      const { messages } = await appendTo(caller, user_id, added);
      const written = new Set(facts.map(({ uuid }) => uuid));
      const known = messages
        .filter(({ uuid, status }) => status === 'updated' && written.has(uuid))
        .map(({ uuid }) => uuid);
      await completeMarkers(caller, user_id, known);
    },

    completeMarkers,

    async findFact(caller: Caller, store: Store, user_id: string, uuid: string) {
      const found = await find(caller, store, user_id, uuid);
      const fact = found.message && toFact(found.message);
      if (fact !== undefined) return fact;
      const deletion = deletionIn(found);
      throw new ServiceError({
        ...{ kind: 'facts_not_found', uuids: [uuid] },
        ...(deletion !== undefined && { deletion }),
      });
    },

    /** The entity that a name stands for, whether it is there or not. */
    entityNamed: ({ user, place }: OpenedUser, name: string): Promise<ResolvedEntity> =>
      entityNamed(place, user.uuid, name),

    /** The entity of that name or uuid. */
    async findEntity(
      caller: Caller,
      { store, user, place }: OpenedUser,
      named: { uuid: string } | { name: string },
    ): Promise<Entity> {
      const uuid =
        'uuid' in named ? named.uuid : (await entityNamed(place, user.uuid, named.name)).uuid;
      const found = await find(caller, store, user.user_id, uuid);
      const entity = found.message && toEntity(found.message);
      if (entity !== undefined) return entity;
      const deletion = 'name' in named ? deletionIn(found) : undefined;
      throw new ServiceError({
        ...{ kind: 'entity_not_found', name: 'uuid' in named ? named.uuid : named.name },
        ...(deletion !== undefined && { deletion: { ...deletion, uuid } }),
      });
    },
  };
}

async function entityNamed(place: FactPlace, owner: string, name: string) {
  const [resolved] = (await resolveEntities(place, owner, [name])).values();
  return resolved as ResolvedEntity;
}
