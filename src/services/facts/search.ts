import { userNamespace } from '../../domain/fact-namespace.ts';
import type { Entity } from '../../domain/facts.ts';
import { jsonBytes } from '../../domain/metadata.ts';
import {
  decodeCursor,
  encodeCursor,
  isLongList,
  PAGE_LIMIT_DEFAULT,
  type Position,
} from '../../domain/pagination.ts';
import { timestamp } from '../../domain/times.ts';
import type { Caller } from '../caller.ts';
import { type AnswerShape, type Dependencies, dependenciesWith } from '../dependencies.ts';
import { isRefusal } from '../errors.ts';
import { queueLongRead } from '../fair-queue.ts';
import { createSearchService, type SearchResult } from '../search/index.ts';
import { holdsAt } from './fact-times.ts';
import { type FactWindow, listMarked } from './list.ts';
import type { FactPlace } from './lookup.ts';
import {
  ALL_FACTS,
  marker,
  type RecordKind,
  type RecordsByKind,
  type StoredFact,
  toFact,
  toRecord,
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

/** How many records are considered per word, the newest. A search goes on to older ones by its cursor. */
export const RECORDS_PER_TERM = 100;

/** How many hits are read at once, to find facts that hold. */
const READ_AT_ONCE = 100;

/** How many times a call reads on where few of them hold. */
const MAX_READS = 20;

/**
 * Returns functions that find facts, entities and episodes of a user. They are messages of one session, and are
 * searched like others, by words and, where embeddings are configured, by meaning. Facts without words are listed.
 */
export function createFactSearch(deps: Dependencies) {
  async function searchFacts(
    insider: Caller,
    user_id: string,
    query: FactQuery,
    entity?: Entity,
  ): Promise<FactPage> {
    const { as_of, include_ended = false, limit = PAGE_LIMIT_DEFAULT } = query;
    const namespace = userNamespace(insider.namespace);
    const place = { store: await deps.store(), namespace, user_id };
    const asked = [query.query, as_of, include_ended, entity?.uuid];
    const fingerprint = ['facts', namespace, user_id, ...asked];
    const start = query.cursor === undefined ? undefined : decodeCursor(query.cursor, fingerprint);
    const now = start?.value ?? deps.now();
    const at = as_of ?? timestamp(now);
    const window: FactWindow = {
      isWanted: (fact) =>
        (include_ended || holdsAt(fact, at)) &&
        (entity === undefined || [fact.subject.uuid, fact.object.uuid].includes(entity.uuid)),
      limit,
      maxBytes: deps.answer.pageMaxBytes,
    };
    const found =
      query.query === undefined
        ? await list(deps, insider, place, entity, start, now, window)
        : await searchByWords(deps, insider, place, query.query, start, now, window);
    const { facts, next } = found;
    return {
      facts,
      ...(next !== undefined && {
        next_cursor: encodeCursor({ value: found.at, key: next }, fingerprint),
      }),
    };
  }

  return {
    searchFacts,

    /** The records of one kind that have some of the words, the best first. */
    async searchRecords<Kind extends RecordKind>(
      insider: Caller,
      user_id: string,
      kind: Kind,
      query: string,
      limit: number,
    ): Promise<RecordsByKind[Kind][]> {
      const { hits } = await read(deps, insider, user_id, { query, kind, limit });
      return hits.flatMap(({ message }) => toRecord(kind, message) ?? []);
    },
  };
}

/** Facts, and where to go on. */
interface Found {
  facts: StoredFact[];
  at: number;
  next?: string;
}

function list(
  deps: Dependencies,
  insider: Caller,
  place: FactPlace,
  entity: Entity | undefined,
  start: Position | undefined,
  now: number,
  window: FactWindow,
): Promise<Found> {
  const word = entity === undefined ? ALL_FACTS : marker('fact_of', entity.uuid);
  const from = start && { next: start.key, at: start.value };
  const read = () => listMarked(place, word, from, now, window);
  return isLongList(window) ? queueLongRead(deps.longReads, insider, place.store, read) : read();
}

async function searchByWords(
  deps: Dependencies,
  insider: Caller,
  { user_id }: FactPlace,
  query: string,
  start: Position | undefined,
  now: number,
  { isWanted, limit, maxBytes }: FactWindow,
): Promise<Found> {
  const facts: StoredFact[] = [];
  let bytes = 0;
  let cursor = start?.key;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const answer = wholeFacts(deps.answer, maxBytes - bytes);
    const size = Math.min(READ_AT_ONCE, limit - facts.length);
    const input = { query, kind: 'fact', limit: size, cursor } as const;
    const page = await read(dependenciesWith(deps, { answer }), insider, user_id, input);
    for (const { message } of page.hits) {
      const fact = toFact(message);
      if (fact === undefined || !isWanted(fact)) continue;
      bytes += jsonBytes(fact) + 1;
      facts.push(fact);
    }
    cursor = page.next_cursor;
    if (cursor === undefined || facts.length >= limit || bytes >= maxBytes) break;
  }
  return { facts, at: now, ...(cursor !== undefined && { next: cursor }) };
}

/** Searches among the records of a user. */
async function read(
  deps: Dependencies,
  insider: Caller,
  user_id: string,
  {
    kind,
    ...input
  }: { query: string; kind: RecordKind; limit: number; cursor?: string | undefined },
): Promise<Pick<SearchResult, 'hits' | 'next_cursor'>> {
  // Pinned: what helps where nothing is found must not depend on records of other users.
  const reader = { ...insider, user_id };
  const { search } = createSearchService(deps);
  try {
    return await search(reader, {
      ...{ ...input, session_id: user_id, roleWord: marker(kind) },
      perTerm: RECORDS_PER_TERM,
    });
  } catch (error) {
    // A user has no session of facts before the first one.
    if (isRefusal(error, 'session_not_found')) return { hits: [] };
    throw error;
  }
}

/** Facts are short, and nothing of them may be cut. */
const wholeFacts = (answer: AnswerShape, pageMaxBytes: number): AnswerShape => ({
  ...answer,
  pageMaxBytes,
  hitMaxBytes: pageMaxBytes,
  hit: async (message) => message,
});
