import type { Entity } from '../../domain/facts.ts';
import { decodeCursor, encodeCursor, PAGE_LIMIT_DEFAULT } from '../../domain/pagination.ts';
import { timestamp } from '../../domain/times.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { createSearchService, type SearchResult } from '../search/index.ts';
import type { RecordKind } from './records.ts';
import {
  ALL_FACTS,
  holdsAt,
  marker,
  type StoredFact,
  toEntity,
  toEpisode,
  toFact,
} from './statements.ts';

export interface FactQuery {
  /** Words; without them, facts are listed, the newest first. */
  query?: string | undefined;
  /** The time at which they hold; now if left out. */
  as_of?: string | undefined;
  /** Also facts that do not hold at that time. */
  include_ended?: boolean | undefined;
  /** The name of an entity that they are about. */
  entity?: string | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

export interface FactPage {
  facts: StoredFact[];
  next_cursor?: string;
}

/** How many facts are read at once, to find those that hold. */
const READ_AT_ONCE = 100;

/** How many times a call reads on where few of them hold. */
const MAX_READS = 20;

/**
 * Returns functions that find facts, entities and episodes of a user. They are messages of one session, and are searched like
 * others, by words and, where embeddings are configured, by meaning.
 */
export function createFactSearch(deps: Dependencies) {
  const { search } = createSearchService(deps);

  async function read(
    insider: Caller,
    user_id: string,
    kind: RecordKind,
    words: string,
    limit: number,
    cursor?: string,
  ): Promise<Pick<SearchResult, 'hits' | 'next_cursor'>> {
    const input = { query: words, session_id: user_id, metadata: { kind }, limit, cursor };
    try {
      return await search(insider, input);
    } catch (error) {
      // A user has no session of facts before the first one.
      const isMissing = error instanceof ServiceError && error.fact.kind === 'session_not_found';
      if (isMissing) return { hits: [] };
      throw error;
    }
  }

  /** The messages of one kind that have some of the words. */
  const matching = async (
    insider: Caller,
    user_id: string,
    kind: RecordKind,
    words: string,
    limit: number,
  ) => (await read(insider, user_id, kind, words, limit)).hits.map(({ message }) => message);

  async function searchFacts(
    insider: Caller,
    user_id: string,
    query: FactQuery,
    entity?: Entity,
  ): Promise<FactPage> {
    const { as_of, include_ended = false, limit = PAGE_LIMIT_DEFAULT } = query;
    const fingerprint = ['facts', user_id, query.query, as_of, include_ended, entity?.uuid];
    const start = query.cursor === undefined ? undefined : decodeCursor(query.cursor, fingerprint);
    const now = start?.value ?? deps.now();
    const at = as_of ?? timestamp(now);
    const words = query.query ?? (entity && marker('fact_of', entity.uuid)) ?? ALL_FACTS;
    const isWanted = (fact: StoredFact) =>
      (include_ended || holdsAt(fact, at)) &&
      (entity === undefined || [fact.subject.uuid, fact.object.uuid].includes(entity.uuid));
    const facts: StoredFact[] = [];
    let cursor = start?.key === '' ? undefined : start?.key;
    for (let reads = 0; reads < MAX_READS; reads++) {
      const size = Math.min(READ_AT_ONCE, limit - facts.length);
      const page = await read(insider, user_id, 'fact', words, size, cursor);
      for (const { message } of page.hits) {
        const fact = toFact(message);
        if (fact !== undefined && isWanted(fact)) facts.push(fact);
      }
      cursor = page.next_cursor;
      if (cursor === undefined || facts.length >= limit) break;
    }
    return {
      facts,
      ...(cursor !== undefined && {
        next_cursor: encodeCursor({ value: now, key: cursor }, fingerprint),
      }),
    };
  }

  return {
    searchFacts,

    async searchEntities(insider: Caller, user_id: string, words: string, limit: number) {
      const found = await matching(insider, user_id, 'entity', words, limit);
      return found.flatMap((message) => toEntity(message) ?? []);
    },

    async searchEpisodes(insider: Caller, user_id: string, words: string, limit: number) {
      const found = await matching(insider, user_id, 'episode', words, limit);
      return found.flatMap((message) => toEpisode(message) ?? []);
    },
  };
}
