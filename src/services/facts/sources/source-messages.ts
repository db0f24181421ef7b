import type { Message } from '../../../domain/records.ts';
import type { Caller } from '../../caller.ts';
import type { Dependencies } from '../../dependencies.ts';
import { ServiceError } from '../../errors.ts';
import type { FactAccess } from '../access.ts';
import { listMarked } from '../list.ts';
import type { FactPlace } from '../lookup.ts';
import { ownerOf } from '../records.ts';
import { marker } from '../statements.ts';

/** Facts and the messages that they name as their sources. Those that the caller may not see are as if not there. */
export function createSourceMessages(deps: Dependencies, { open }: FactAccess) {
  const newestFacts = async (place: FactPlace, word: string, limit: number) => {
    const window = { isWanted: () => true, limit, maxBytes: deps.answer.pageMaxBytes };
    return (await listMarked(place, word, undefined, deps.now(), window)).facts;
  };

  return {
    /** The facts that name a message or an episode as their source. */
    async factsFrom(caller: Caller, user_id: string, uuid: string, limit: number) {
      const { place } = await open(caller, user_id);
      return newestFacts(place, marker('fact_from', uuid), limit);
    },

    /**
     * The messages that say facts about an entity, those of the newest facts first.
     *
     * @param entity its uuid
     * @param limit how many facts are looked at, and how many messages there are at most
     */
    async messagesAbout(
      caller: Caller,
      user_id: string,
      entity: string,
      limit: number,
    ): Promise<Message[]> {
      const { store, place } = await open(caller, user_id);
      const facts = await newestFacts(place, marker('fact_of', entity), limit);
      const sources = facts.flatMap((one) => one.sources ?? []);
      const unique = new Map(sources.map((source) => [source.uuid, source]));
      const messages: Message[] = [];
      let left = deps.answer.pageMaxBytes;
      for (const { session_id, uuid } of unique.values()) {
        if (messages.length === limit || left <= 0) break;
        const { message } = await store.messages.find(caller, session_id, uuid);
        if (message === undefined) continue;
        left -= Buffer.byteLength(message.content);
        messages.push(message);
      }
      return messages;
    },

    /** A message that facts name as their source, with the user of these; NOT_FOUND if there is none. */
    async findSource(caller: Caller, uuid: string): Promise<{ user_id: string; message: Message }> {
      const word = marker('fact_from', uuid);
      const user_id = await ownerOf(await deps.store(), caller, word);
      if (user_id !== undefined) {
        const { store, place } = await open(caller, user_id);
        const [fact] = await newestFacts(place, word, 1);
        const source = fact?.sources?.find((one) => one.uuid === uuid);
        const found = source && (await store.messages.find(caller, source.session_id, uuid));
        if (found?.message !== undefined) return { user_id, message: found.message };
      }
      throw new ServiceError({ kind: 'facts_not_found', uuids: [uuid] });
    },
  };
}
