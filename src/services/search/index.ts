import { decodeCursor, encodeCursor } from '../../domain/pagination.ts';
import { positionKey } from '../../domain/positions.ts';
import { canonicalRole } from '../../domain/roles.ts';
import type { Store } from '../../store/port.ts';
import type { SearchScope } from '../../store/search-port.ts';
import type { Caller } from '../caller.ts';
import type { Dependencies } from '../dependencies.ts';
import { ServiceError } from '../errors.ts';
import { queueLongRead } from '../fair-queue.ts';
import { sessionNotFound, userNotFound } from '../not-found.ts';
import { canAccess } from '../pinned-user.ts';
import { combined } from './combine.ts';
import { earlier, evenWeights, type LexicalQuery, rankLexically } from './lexical.ts';
import type { SearchNote } from './note.ts';
import { decodePlace, encodePlace, type Place, rankBehind } from './place.ts';
import { type Hit, readHits, type SearchInput } from './results.ts';
import { compareByMeaning } from './semantic.ts';
import { hitsOutside, similarTerms } from './without-hits.ts';

/** The number of hits that a search returns by default. */
export const HITS_DEFAULT = 10;

/**
 * How many windows one call goes through, each older than the one before, if nothing is found in them: where
 * nearly all messages with a word are left out by a filter.
 */
const MAX_WINDOWS = 5;

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
    const { user_id } = input;
    const { namespace } = caller;
    const { cursor, limit: _, ...query } = input;
    const fingerprint = ['search', namespace, caller.user_id, query];
    const start = cursor === undefined ? undefined : decodeCursor(cursor, fingerprint);
    const at = start?.value ?? deps.now();
    if (user_id !== undefined && !canAccess(caller, user_id)) {
      throw userNotFound(deps, user_id);
    }
    const scope = { session_id: input.session_id, user_id: user_id ?? caller.user_id };
    // Without what was added since the first page.
    const seen = start === undefined ? undefined : new Date(at).toISOString();
    let from = start === undefined ? undefined : decodePlace(start.key);
    for (let windows = 1; ; windows++) {
      const page = await searchWindow(store, namespace, scope, input, at, seen, from);
      const isOver = page.hits.length > 0 || page.next?.rank !== 0 || windows === MAX_WINDOWS;
      if (!isOver) {
        from = page.next;
        continue;
      }
      if (page.hits.length === 0) {
        await assertScopeExists(caller, store, input);
        if (start === undefined && page.next === undefined)
          return searchWithoutHits(caller, store, scope, input, page);
      }
      const { next, at: reference, query: _query, terms: _terms, ...result } = page;
      return {
        ...result,
        ...(next !== undefined && {
          next_cursor: encodeCursor({ value: reference, key: encodePlace(next) }, fingerprint),
        }),
      };
    }
  }

  /**
   * What helps where no message has the words of a query: hits with similar words, or the conditions
   * that leave hits out.
   */
  async function searchWithoutHits(
    caller: Caller,
    store: Store,
    scope: SearchScope,
    input: SearchInput,
    { query, terms, mode, notes, at }: Window,
  ): Promise<SearchResult> {
    const { namespace } = caller;
    const { answer } = deps;
    const help: SearchNote[] = [];
    if (terms.length > 0) help.push(...(await hitsOutside(store, caller, scope, query, terms)));
    if (help.length === 0) {
      for await (const { how, terms: others } of similarTerms(store, namespace, scope, terms)) {
        const first = { ...query, after: undefined, end: undefined, firstEnd: undefined };
        const words = await rankLexically(store, namespace, scope, first, at, evenWeights(others));
        const ranking = await combined(words, undefined, false, false);
        const wanted = { ...input, limit: input.limit ?? HITS_DEFAULT };
        const { hits } = await readHits({ namespace, store, ranking, input: wanted, answer }, 0);
        if (hits.length === 0) continue;
        // Others may be in deleted messages only.
        const matched = new Set(words.ranked.flatMap((one) => one.candidate?.matched ?? []));
        const found = others.filter((term) => matched.has(term));
        const similar: SearchNote = { kind: 'similar_words', how, words: found };
        return { hits, considered_count: ranking.ranked.length, mode, notes: [...notes, similar] };
      }
    }
    if (deps.embeddings === undefined && terms.length > 0) help.push({ kind: 'words_only' });
    return { hits: [], considered_count: 0, mode, notes: [...notes, ...help] };
  }

  /** A page of hits among the messages that are ranked together. */
  async function searchWindow(
    store: Store,
    namespace: string,
    scope: SearchScope,
    input: SearchInput,
    now: number,
    seen: string | undefined,
    from: Place | undefined,
  ): Promise<Window> {
    const { since, limit = HITS_DEFAULT, roles, roleWord, metadata, perTerm } = input;
    const time = { since, until: earlier(input.until, seen) };
    const { after, end, firstEnd = after } = from ?? {};
    const query = {
      question: input.query,
      ...{ since, until: input.until, seen, roleWord, metadata, perTerm, after, end, firstEnd },
      roles: roles?.map(canonicalRole),
    };
    const [words, meaning] = await Promise.all([
      rankLexically(store, namespace, scope, query, now),
      deps.embeddings !== undefined && input.query.trim() !== '' && from?.mode !== 'lexical'
        ? compareByMeaning(deps.embeddings, store, namespace, scope, input.query, time)
        : undefined,
    ]);
    const ranking = await combined(words, meaning, input.diverse === true, after !== undefined);
    if (from?.mode === 'hybrid' && ranking.mode === 'lexical') {
      // The next page needs the vector of the query: a purely lexical ranking would repeat and omit
      // hits.
      throw new ServiceError({ kind: 'search_cannot_continue' });
    }
    const { ranked, mode } = ranking;
    const wanted = { ...input, until: time.until, limit };
    const { answer } = deps;
    const { hits, next } = await readHits(
      { namespace, store, ranking, input: wanted, answer },
      from === undefined ? 0 : rankBehind(ranked, from),
    );
    const last = ranked[next - 1];
    const further: Place | undefined =
      next < ranked.length && last !== undefined
        ? { mode, rank: next, place: positionKey(last.place), after, end: words.end, firstEnd }
        : words.next && { mode, rank: 0, place: '', after: words.next, firstEnd };
    return {
      ...{ hits, query, terms: words.terms },
      at: words.at,
      next: further,
      considered_count: ranked.length,
      mode,
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

/** A page of hits of one window. */
interface Window extends Omit<SearchResult, 'next_cursor'> {
  query: LexicalQuery;
  terms: readonly string[];
  /** The reference time of the ranking, in milliseconds since 1970. */
  at: number;
  next: Place | undefined;
}
