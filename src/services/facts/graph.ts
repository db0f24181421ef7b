import type { Entity } from '../../domain/facts.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import type { FactAccess } from './access.ts';
import type { ResolvedEntity } from './lookup.ts';
import { createRecordList, insider, ownerOf } from './records.ts';
import { createFactSearch } from './search.ts';
import {
  type Episode,
  episodeMessage,
  marker,
  type RecordKind,
  type RecordsByKind,
  toEpisode,
  toRecord,
} from './statements.ts';

/** What the graph of a user has beside its facts: records of every kind by their uuids, and episodes. */
export function createGraph(deps: Dependencies, access: FactAccess) {
  const { open, find, findEntity, append } = access;
  const { searchRecords } = createFactSearch(deps);
  const listRecords = createRecordList(deps);
  const findMessage = async (...args: Parameters<typeof find>) => (await find(...args)).message;

  return {
    /** The user of a record with this uuid; NOT_FOUND if the caller may see none. */
    async ownerOf(caller: Caller, uuid: string): Promise<string> {
      const owner = await ownerOf(await deps.store(), caller, marker('uuid', uuid));
      if (owner === undefined) throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
      return owner;
    },

    /** A record of a user; NOT_FOUND if it is of another kind. */
    async getRecord<Kind extends RecordKind>(
      caller: Caller,
      user_id: string,
      kind: Kind,
      uuid: string,
    ): Promise<RecordsByKind[Kind]> {
      const { store } = await open(caller, user_id);
      const message = await findMessage(caller, store, user_id, uuid);
      const record = message && toRecord(kind, message);
      if (record !== undefined) return record;
      throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
    },

    /** An entity of a user, without its facts. */
    async findEntity(caller: Caller, user_id: string, uuid: string): Promise<Entity> {
      return findEntity(caller, await open(caller, user_id), { uuid });
    },

    /** The entity that a name stands for, whether it is there or not. */
    async entityNamed(caller: Caller, user_id: string, name: string): Promise<ResolvedEntity> {
      return access.entityNamed(await open(caller, user_id), name);
    },

    /**
     * The newest records of a user, of one kind.
     *
     * @param page.before only those that are older than the one with this uuid
     */
    async list<Kind extends RecordKind>(
      caller: Caller,
      user_id: string,
      kind: Kind,
      page: { limit: number; before?: string | undefined },
    ): Promise<RecordsByKind[Kind][]> {
      const { store } = await open(caller, user_id);
      const last =
        page.before === undefined
          ? undefined
          : await findMessage(caller, store, user_id, page.before);
      if (page.before !== undefined && last === undefined) {
        throw new ServiceError({ kind: 'facts_not_found', uuids: [page.before] });
      }
      return listRecords(caller, user_id, kind, { limit: page.limit, before: last?.seq });
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
      await append(caller, user_id, messages);
      const stored = await Promise.all(
        messages.map(({ uuid }) => findMessage(caller, store, user_id, uuid as string)),
      );
      return stored.flatMap((message) => (message === undefined ? [] : (toEpisode(message) ?? [])));
    },

    /** The records of a user, of one kind, that have some of the words, the best first. */
    async searchRecords<Kind extends RecordKind>(
      caller: Caller,
      user_id: string,
      kind: Kind,
      words: string,
      limit: number,
    ): Promise<RecordsByKind[Kind][]> {
      await open(caller, user_id);
      return searchRecords(insider(caller), user_id, kind, words, limit);
    },
  };
}
