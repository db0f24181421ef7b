import type { Entity } from '../../domain/facts.ts';
import type { Message, User } from '../../domain/records.ts';
import type { Store } from '../../store/port.ts';
import { createAppend } from '../append.ts';
import type { Caller } from '../caller.ts';
import { createMessageDeletion } from '../delete-messages.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { userNotFound } from '../not-found.ts';
import { canAccess } from '../pinned-user.ts';
import { type AddedFact, createAddFacts, type NewFact, type NewSource } from './add.ts';
import { type FactPlace, findMarked, resolveEntities } from './lookup.ts';
import { createRecordList, insider, ownerOf, type RecordKind } from './records.ts';
import { createFactSearch, type FactPage, type FactQuery } from './search.ts';
import {
  type Episode,
  episodeMessage,
  factMessage,
  marker,
  type StoredFact,
  toEntity,
  toEpisode,
  toFact,
} from './statements.ts';

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
  const append = createAppend(deps);
  const deletion = createMessageDeletion(deps);
  const addFacts = createAddFacts(deps, (caller, ...rest) => append(insider(caller), ...rest));
  const { searchFacts, searchEntities, searchEpisodes } = createFactSearch(deps);
  const listRecords = createRecordList(deps);

  async function open(
    caller: Caller,
    user_id: string,
  ): Promise<{ store: Store; user: User; place: FactPlace }> {
    if (!canAccess(caller, user_id)) throw userNotFound(deps, user_id);
    const store = await deps.store();
    const { namespace } = caller;
    const user = await store.users.find(namespace, user_id);
    if (user === undefined || user.deleted_at !== undefined) {
      throw userNotFound(deps, user_id, user);
    }
    return { store, user, place: { store, namespace, user_id } };
  }

  async function find(caller: Caller, store: Store, user_id: string, uuid: string) {
    const { message } = await store.messages.find(insider(caller), user_id, uuid);
    return message;
  }

  async function findFact(caller: Caller, store: Store, user_id: string, uuid: string) {
    const message = await find(caller, store, user_id, uuid);
    const fact = message && toFact(message);
    if (fact === undefined) throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
    return fact;
  }

  async function findEntity(
    caller: Caller,
    { store, user, place }: Awaited<ReturnType<typeof open>>,
    named: { uuid: string } | { name: string },
  ): Promise<Entity> {
    let uuid = 'uuid' in named ? named.uuid : '';
    if ('name' in named) {
      const [resolved] = (await resolveEntities(place, user.uuid, [named.name])).values();
      if (resolved?.exists === true) uuid = resolved.uuid;
    }
    const message = uuid === '' ? undefined : await find(caller, store, user.user_id, uuid);
    const entity = message && toEntity(message);
    if (entity !== undefined) return entity;
    throw new ServiceError({
      kind: 'entity_not_found',
      name: 'uuid' in named ? named.uuid : named.name,
    });
  }

  /** Names facts in the error instead of messages. */
  function missingFacts(error: unknown): never {
    if (error instanceof ServiceError) {
      const { fact } = error;
      if (fact.kind === 'messages_not_found') {
        throw new ServiceError({ kind: 'facts_not_found', uuids: fact.uuids });
      }
      if (fact.kind === 'session_not_found') {
        throw new ServiceError({ kind: 'facts_not_found', uuids: [] });
      }
    }
    throw error;
  }

  return {
    /** Adds facts and the entities that they are about. What is there already stays as it is. */
    async add(
      caller: Caller,
      user_id: string,
      facts: readonly NewFact[],
      source?: NewSource,
    ): Promise<AddedFact[]> {
      const { user, place } = await open(caller, user_id);
      return addFacts(caller, place, user.uuid, facts, source);
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

    async update(
      caller: Caller,
      user_id: string,
      uuid: string,
      { fact, valid_at, invalid_at }: FactUpdate,
    ): Promise<StoredFact> {
      const { store } = await open(caller, user_id);
      const current = await findFact(caller, store, user_id, uuid);
      const { metadata, ...message } = factMessage({ ...current, fact: fact ?? current.fact });
      const times = {
        ...(valid_at !== undefined && { valid_at }),
        ...(invalid_at !== undefined && { invalid_at }),
      };
      const changed = { ...message, metadata: { ...metadata, ...times } };
      await append(insider(caller), user_id, [changed], user_id);
      return findFact(caller, store, user_id, uuid);
    },

    /** Soft-deletes facts or entities. Those that are deleted already stay so. */
    async delete(caller: Caller, user_id: string, uuids: readonly string[]) {
      await open(caller, user_id);
      const deleted = await deletion.delete(insider(caller), user_id, uuids).catch(missingFacts);
      return { count: deleted.messages, purge_at: deleted.purge_at };
    },

    /** Undoes the deletion of facts or entities. */
    async restore(caller: Caller, user_id: string, uuids: readonly string[]) {
      await open(caller, user_id);
      const restored = await deletion.restore(insider(caller), user_id, uuids).catch(missingFacts);
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
      const { purge_at } = await deletion.delete(insider(caller), user_id, uuids);
      return { entity, uuids, purge_at, isComplete: next_cursor === undefined };
    },

    /** The user of a record with this uuid; NOT_FOUND if the caller may see none. */
    async ownerOf(caller: Caller, uuid: string): Promise<string> {
      const owner = await ownerOf(await deps.store(), caller, uuid);
      if (owner === undefined) throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
      return owner;
    },

    /** A record of a user, as it is stored. */
    async getRecord(caller: Caller, user_id: string, uuid: string): Promise<Message> {
      const { store } = await open(caller, user_id);
      const message = await find(caller, store, user_id, uuid);
      if (message !== undefined) return message;
      throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
    },

    /**
     * The newest records of a user, of one kind.
     *
     * @param page.before only those that are older than the one with this uuid
     */
    async list(
      caller: Caller,
      user_id: string,
      kind: RecordKind,
      page: { limit: number; before?: string | undefined },
    ): Promise<Message[]> {
      const { store } = await open(caller, user_id);
      const last =
        page.before === undefined ? undefined : await find(caller, store, user_id, page.before);
      if (page.before !== undefined && last === undefined) {
        throw new ServiceError({ kind: 'facts_not_found', uuids: [page.before] });
      }
      return listRecords(caller, user_id, kind, { limit: page.limit, before: last?.seq });
    },

    /** Entities of a user whose names have some of the words, the best first. */
    async searchEntities(caller: Caller, user_id: string, words: string, limit: number) {
      await open(caller, user_id);
      return searchEntities(insider(caller), user_id, words, limit);
    },

    /** Keeps texts from which facts may be drawn. */
    async addEpisodes(
      caller: Caller,
      user_id: string,
      texts: readonly (Pick<Episode, 'content'> & {
        source?: string | undefined;
        source_description?: string | undefined;
        created_at?: string | undefined;
      })[],
    ): Promise<Episode[]> {
      const { store } = await open(caller, user_id);
      const messages = texts.map(({ content, created_at, ...source }) => ({
        ...episodeMessage(deps.newUuid(), content, source),
        created_at,
      }));
      await append(insider(caller), user_id, messages, user_id);
      const stored = await Promise.all(
        messages.map(({ uuid }) => find(caller, store, user_id, uuid as string)),
      );
      return stored.flatMap((message) => (message === undefined ? [] : (toEpisode(message) ?? [])));
    },

    /** Episodes of a user that have some of the words, the best first. */
    async searchEpisodes(caller: Caller, user_id: string, words: string, limit: number) {
      await open(caller, user_id);
      return searchEpisodes(insider(caller), user_id, words, limit);
    },

    /** Those of some messages, by their uuids, that no fact names as its source. */
    async withoutFacts(
      caller: Caller,
      user_id: string,
      uuids: readonly string[],
    ): Promise<string[]> {
      const { place } = await open(caller, user_id);
      const markers = uuids.map((uuid) => marker('fact_from', uuid));
      const found = await findMarked(place, markers);
      return uuids.filter((_, i) => !found.has(markers[i] as string));
    },

    /** The facts that name a message or an episode as their source. */
    async factsFrom(caller: Caller, user_id: string, uuid: string, limit: number) {
      await open(caller, user_id);
      const query = { query: marker('fact_from', uuid), include_ended: true, limit };
      return (await searchFacts(insider(caller), user_id, query)).facts;
    },
  };
}
