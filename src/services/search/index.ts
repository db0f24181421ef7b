import { decodeCursor, encodeCursor } from '../../domain/pagination.ts';
import { positionKey } from '../../domain/positions.ts';
import type { RankedMessage } from '../../search/bm25.ts';
import { diversify, fuse } from '../../search/fusion.ts';
import { similarity } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { runInSlices } from '../event-loop.ts';
import { queueLongRead } from '../fair-queue.ts';
import { sessionNotFound, userNotFound } from '../not-found.ts';
import { canAccess } from '../pinned-user.ts';
import { type LexicalRanking, rankLexically } from './lexical.ts';
import type { SearchNote } from './note.ts';
import { type Hit, type Ranking, readHits, type SearchInput } from './results.ts';
import { type Comparison, compareByMeaning } from './semantic.ts';

/** The number of hits that a search returns by default. */
export const HITS_DEFAULT = 10;

/** The most messages that are found by meaning alone: the rest has little to do with the query. */
const ADDED_BY_MEANING = 200;

/**
 * For diverse hits: the weight of relevance against novelty, the number of hits that are chosen
 * this way, and the number of top messages that they are chosen from.
 */
const DIVERSITY = { lambda: 0.7, limit: 50, among: 200 };

export interface SearchResult {
  hits: Hit[];
  next_cursor?: string;
  /** The number of messages that were ranked. */
  considered_count: number;
  /** `lexical`: terms only. `hybrid`: terms and embeddings. */
  mode: 'lexical' | 'hybrid';
  /** Notes on messages and terms that the search left out. */
  notes: readonly SearchNote[];
}

export type SearchService = ReturnType<typeof createSearchService>;

/** The rules for searching: docs/search.md. Every method throws `DomainError`. */
export function createSearchService(deps: Dependencies) {
  /** Tells an empty result apart from a session or user that does not exist. */
  async function assertScopeExists(
    caller: Caller,
    store: Store,
    { session_id, user_id }: SearchInput,
  ): Promise<void> {
    const { namespace } = caller;
    if (session_id !== undefined) {
      const found = await store.sessions.find(caller, session_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw await sessionNotFound(deps, caller, store, session_id, found);
      }
    } else if (user_id !== undefined) {
      const found = await store.users.find(namespace, user_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw userNotFound(deps, user_id, found);
      }
    }
  }

  /** Runs the search once it is admitted. */
  async function search(caller: Caller, store: Store, input: SearchInput): Promise<SearchResult> {
    const { session_id, user_id, since, limit = HITS_DEFAULT } = input;
    const { namespace } = caller;
    const { cursor, limit: _, ...query } = input;
    const fingerprint = ['search', namespace, caller.user_id, query];
    const start = cursor === undefined ? undefined : decodeCursor(cursor, fingerprint);
    const at = start?.value ?? deps.now();
    const mode = start?.key.split(' ')[0];
    const seen = start === undefined ? undefined : new Date(at).toISOString();

    if (user_id !== undefined && !canAccess(caller, user_id)) {
      throw userNotFound(deps, user_id);
    }
    const scope = { session_id, user_id: user_id ?? caller.user_id };
    const time = { since, until: earlier(input.until, seen) };
    const [words, meaning] = await Promise.all([
      rankLexically(store, namespace, scope, input.query, time, at),
      deps.embeddings !== undefined && input.query.trim() !== '' && mode !== 'lexical'
        ? compareByMeaning(deps.embeddings, store, namespace, scope, input.query, time)
        : undefined,
    ]);
    const ranking = await combined(words, meaning, input.diverse === true);
    const { ranked } = ranking;
    if (mode === 'hybrid' && ranking.mode === 'lexical') {
      // The next page needs the vector of the query: a purely lexical ranking would repeat and omit
      // hits.
      throw new ServiceError({ kind: 'search_cannot_continue' });
    }

    const from = start === undefined ? 0 : behind(ranked, start.key);
    const wanted = { ...input, until: time.until, limit };
    const { answer } = deps;
    const { hits, next } = await readHits(
      { namespace, store, ranking, input: wanted, answer },
      from,
    );
    if (hits.length === 0) await assertScopeExists(caller, store, input);
    const last = ranked[next - 1];
    const goesOn = last !== undefined && next < ranked.length;
    const key = goesOn && `${ranking.mode} ${next} ${positionKey(last.place)}`;
    return {
      hits,
      ...(key !== false && {
        next_cursor: encodeCursor({ value: words.at, key }, fingerprint),
      }),
      considered_count: ranked.length,
      mode: ranking.mode,
      notes: ranking.notes,
    };
  }

  return {
    /**
     * Finds messages, best first: among the newest that contain a query term and, if embeddings are
     * configured, among those with a similar meaning. A cursor continues the same ranking, without
     * the messages that were added since its first page.
     *
     * @throws DomainError NOT_FOUND for an unknown session or user, INVALID_ARGUMENT for
     *   contradictory arguments and for a cursor of another search
     */
    async search(caller: Caller, input: SearchInput): Promise<SearchResult> {
      assertConsistent(input);
      const store = await deps.store();
      return queueLongRead(deps.longReads, caller, store, () => search(caller, store, input));
    },
  };
}

function assertConsistent({ session_id, user_id, since, until }: SearchInput): void {
  if (session_id !== undefined && user_id !== undefined) {
    throw new ServiceError({ kind: 'search_in_session_and_user' });
  }
  if (since !== undefined && until !== undefined && since > until) {
    throw new ServiceError({ kind: 'search_since_after_until' });
  }
}

/** Adds the comparison by meaning to the ranking by words. Without one, the latter is returned. */
async function combined(
  words: LexicalRanking,
  meaning: Comparison | { unavailable: SearchNote } | undefined,
  diverse: boolean,
): Promise<Ranking & Pick<SearchResult, 'mode' | 'notes'>> {
  if (meaning === undefined || 'unavailable' in meaning) {
    const notes = meaning === undefined ? words.notes : [...words.notes, meaning.unavailable];
    return { ...words, digests: new Map(), mode: 'lexical', notes };
  }
  const fused = await runInSlices(fuse(words.ranked, meaning.compared, ADDED_BY_MEANING));
  // A lexical match is a hit, whether or not its vector is stale.
  const digests = new Map(meaning.digests);
  for (const { place } of words.ranked) digests.delete(positionKey(place));
  return {
    ranked: diverse ? diversified(fused, meaning.vectors) : fused,
    ranges: new Map([...words.ranges, ...meaning.ranges]),
    terms: words.terms,
    digests,
    mode: 'hybrid',
    notes: [...words.notes, ...meaning.notes],
  };
}

/** Moves near-duplicates further back among the best hits. */
function diversified(
  ranked: readonly RankedMessage[],
  vectors: Comparison['vectors'],
): RankedMessage[] {
  const head = ranked.slice(0, DIVERSITY.among).map(({ score, ...one }) => {
    return { score, one, vector: vectors.get(positionKey(one.place)) };
  });
  const alike = (a: (typeof head)[number], b: (typeof head)[number]) =>
    a.vector === undefined || b.vector === undefined ? 0 : similarity(a.vector, b.vector);
  const chosen = diversify(head, alike, DIVERSITY).map(({ score, one }) => ({ score, ...one }));
  return [...chosen, ...ranked.slice(DIVERSITY.among)];
}

/** The index where a cursor continues: behind the message that it names, or at its rank if that is gone. */
function behind(ranked: readonly RankedMessage[], key: string): number {
  const [, index, ...place] = key.split(' ');
  const named = ranked.findIndex((one) => positionKey(one.place) === place.join(' '));
  return named === -1 ? Math.max(0, Number(index) - 1 || 0) : named + 1;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
