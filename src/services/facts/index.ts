import type { Entity } from '../../domain/facts.ts';
import type { Store } from '../../store/port.ts';
import type { Caller } from '../caller.ts';
import { createMessageDeletion } from '../delete-messages.ts';
import type { Dependencies } from '../dependencies.ts';
import { isRefusal, ServiceError } from '../errors.ts';
import { createFactAccess } from './access.ts';
import { type AddedFact, createAddFacts, type NewFact } from './add.ts';
import type { EntityDetail } from './entity-details.ts';
import { assertTimes } from './fact-times.ts';
import { createGraph } from './graph.ts';
import { forRecords, insider } from './records.ts';
import { createFactSearch, type FactPage, type FactQuery } from './search.ts';
import type { NewSource } from './sources/checked-source.ts';
import { createSourceMessages } from './sources/source-messages.ts';
import { factMessage, type StoredFact, toEntity } from './statements.ts';
import { createUncovered } from './uncovered.ts';

/** Changes of a fact: `null` removes a time. */
export interface FactUpdate {
  fact?: string | undefined;
  valid_at?: string | null | undefined;
  invalid_at?: string | null | undefined;
}

export type FactService = ReturnType<typeof createFactService>;

/** How many facts go with one call that deletes their entity. */
const FACTS_PER_DELETION = 500;

/**
 * What is known about users: docs/facts.md. Facts are kept apart from the sessions of their user: deleting a
 * session leaves them. Every method throws `DomainError`; NOT_FOUND if there is no such user.
 */
export function createFactService(deps: Dependencies) {
  const access = createFactAccess(deps);
  const { open, find, findFact, findEntity } = access;
  const deletion = createMessageDeletion(forRecords(deps));
  const addFacts = createAddFacts(deps, access);
  const { searchFacts } = createFactSearch(deps);

  /** @throws ServiceError NOT_FOUND if some of them are entities: those take their facts with them */
  async function assertNoEntities(
    caller: Caller,
    store: Store,
    user_id: string,
    uuids: readonly string[],
  ): Promise<void> {
    const found = await Promise.all(uuids.map((uuid) => find(caller, store, user_id, uuid)));
    const entities = uuids.filter((_, i) => found[i]?.message && toEntity(found[i].message));
    if (entities.length > 0) throw new ServiceError({ kind: 'facts_not_found', uuids: entities });
  }

  /** Names facts in the error instead of messages. A user has no session of facts before the first one. */
  const missingFacts = (uuids: readonly string[]) => (error: unknown) => {
    if (isRefusal(error, 'session_not_found'))
      throw new ServiceError({ kind: 'facts_not_found', uuids });
    if (isRefusal(error, 'messages_not_found')) {
      throw new ServiceError({ kind: 'facts_not_found', uuids: error.fact.uuids });
    }
    throw error;
  };

  return {
    ...createGraph(deps, access),
    ...createSourceMessages(deps, access),
    ...createUncovered(deps, access),

    /**
     * Adds facts and the entities that they are about. What is there already stays as it is. The session of
     * the source counts as read up to the last message of the source, also with no facts.
     *
     * @param details what is said of entities of these facts, or of others that are there
     */
    async add(
      caller: Caller,
      user_id: string,
      facts: readonly NewFact[],
      source?: NewSource,
      details: readonly EntityDetail[] = [],
    ): Promise<AddedFact[]> {
      const { user, place } = await open(caller, user_id);
      return addFacts(caller, place, user.uuid, facts, source, details);
    },

    /** Finds facts by their words, or lists them, the newest first. */
    async search(caller: Caller, user_id: string, query: FactQuery): Promise<FactPage> {
      const opened = await open(caller, user_id);
      const entity =
        query.entity === undefined
          ? undefined
          : await findEntity(caller, opened, { name: query.entity });
      return searchFacts(insider(caller), user_id, query, entity);
    },

    /** An entity with facts about it. */
    async getEntity(
      caller: Caller,
      user_id: string,
      named: { uuid: string } | { name: string },
      query: FactQuery = {},
    ): Promise<FactPage & { entity: Entity }> {
      const opened = await open(caller, user_id);
      const entity = await findEntity(caller, opened, named);
      return { entity, ...(await searchFacts(insider(caller), user_id, query, entity)) };
    },

    /**
     * Changes the sentence of a fact, or its times. A fact whose end is removed is no longer superseded.
     *
     * @throws ServiceError INVALID_ARGUMENT if it would end before it begins
     */
    async update(
      caller: Caller,
      user_id: string,
      uuid: string,
      { fact, valid_at, invalid_at }: FactUpdate,
    ): Promise<StoredFact> {
      const { store } = await open(caller, user_id);
      const current = await findFact(caller, store, user_id, uuid);
      if ([fact, valid_at, invalid_at].every((value) => value === undefined)) return current;
      const changed: StoredFact = {
        ...current,
        fact: fact?.trim() ?? current.fact,
        valid_at: valid_at === undefined ? current.valid_at : (valid_at ?? undefined),
        invalid_at: invalid_at === undefined ? current.invalid_at : (invalid_at ?? undefined),
      };
      assertTimes(changed);
      const { metadata, ...message } = factMessage(changed);
      const removed = {
        ...(valid_at === null && { valid_at }),
        ...(invalid_at === null && { invalid_at, expired_at: null, superseded_by: null }),
      };
      const stored = { ...message, metadata: { ...metadata, ...removed } };
      await access.append(caller, user_id, [stored]);
      await access.completeMarkers(caller, user_id, [uuid]);
      return findFact(caller, store, user_id, uuid);
    },

    /** Soft-deletes facts. Those that are deleted already stay so. */
    async delete(caller: Caller, user_id: string, uuids: readonly string[]) {
      const { store } = await open(caller, user_id);
      await assertNoEntities(caller, store, user_id, uuids);
      const deleted = await deletion
        .delete(insider(caller), user_id, uuids)
        .catch(missingFacts(uuids));
      return { count: deleted.messages, purge_at: deleted.purge_at };
    },

    /** Undoes the deletion of facts or entities. */
    async restore(caller: Caller, user_id: string, uuids: readonly string[]) {
      await open(caller, user_id);
      const restored = await deletion
        .restore(insider(caller), user_id, uuids)
        .catch(missingFacts(uuids));
      return { count: restored.messages };
    },

    /**
     * Soft-deletes an entity with the facts about it. The entity comes last: a call that was cut off can be
     * repeated.
     *
     * @returns the uuids of all that is deleted, by which `restore` brings it back
     */
    async deleteEntity(
      caller: Caller,
      user_id: string,
      named: { uuid: string } | { name: string },
    ) {
      const opened = await open(caller, user_id);
      const entity = await findEntity(caller, opened, named);
      const all = { limit: FACTS_PER_DELETION, include_ended: true };
      const { facts, next_cursor } = await searchFacts(insider(caller), user_id, all, entity);
      const uuids = facts.map(({ uuid }) => uuid);
      if (next_cursor === undefined) uuids.push(entity.uuid);
      const { purge_at } = await deletion
        .delete(insider(caller), user_id, uuids)
        .catch(missingFacts(uuids));
      return { entity, uuids, purge_at, isComplete: next_cursor === undefined };
    },
  };
}
