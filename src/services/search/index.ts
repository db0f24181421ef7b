import { DomainError, invalidArgument } from '../../domain/errors.ts';
import { decodeCursor, encodeCursor } from '../../domain/pagination.ts';
import { positionKey, type RankedMessage } from '../../search/bm25.ts';
import { diversify, fuse } from '../../search/fusion.ts';
import { similarity } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import { type Caller, type Dependencies, queueLongRead } from '../dependencies.ts';
import { describeAbsence } from '../not-found.ts';
import { canAccess } from '../pinned-user.ts';
import { type LexicalRanking, rankLexically } from './lexical.ts';
import { type Hit, type Ranking, readHits, type SearchInput } from './results.ts';
import { rankSemantically, type SemanticRanking } from './semantic.ts';

/** How many hits a search returns unless told otherwise. */
export const HITS_DEFAULT = 10;

/** How much relevance counts against novelty where hits are to be diverse, for how many places. */
const DIVERSITY = { lambda: 0.7, limit: 50, among: 200 };

export interface SearchResult {
  hits: Hit[];
  next_cursor?: string;
  /** How many messages were ranked. */
  considered_count: number;
  /** Whether words alone were compared, or meaning too. */
  mode: 'lexical' | 'hybrid';
  /** Why there may be more, and how to get at it. */
  advice?: string;
}

export type SearchService = ReturnType<typeof createSearchService>;

/** The rules for searching. Every method throws `DomainError`. */
export function createSearchService(deps: Dependencies) {
  const absence = describeAbsence(deps);

  /** Where nothing was found, whether there was anything to search. */
  async function assertScope(
    caller: Caller,
    store: Store,
    { session_id, user_id }: SearchInput,
  ): Promise<void> {
    const { namespace } = caller;
    if (session_id !== undefined) {
      const found = await store.sessions.find(caller, session_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw await absence.session(caller, store, session_id, found);
      }
    } else if (user_id !== undefined) {
      const found = await store.users.find(namespace, user_id);
      if (found === undefined || found.deleted_at !== undefined) {
        throw absence.user(caller, user_id, found);
      }
    }
  }

  /** The search itself, once its turn has come. */
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
      throw absence.user(caller, user_id, undefined);
    }
    const scope = { session_id, user_id: user_id ?? caller.user_id };
    const time = { since, until: earlier(input.until, seen) };
    const [words, meaning] = await Promise.all([
      rankLexically(store, namespace, scope, input.query, time, at),
      deps.embeddings !== undefined && input.query.trim() !== '' && mode !== 'lexical'
        ? rankSemantically(deps.embeddings, store, namespace, scope, input.query, time)
        : undefined,
    ]);
    const ranking = combined(words, meaning, input.diverse === true);
    const { ranked } = ranking;
    if (mode === 'hybrid' && ranking.mode === 'lexical') throw cannotGoOn();

    const from = start === undefined ? 0 : behind(ranked, start.key);
    const wanted = { ...input, until: time.until, limit };
    const { hits, next } = await readHits(namespace, store, ranking, from, wanted);
    if (hits.length === 0) await assertScope(caller, store, input);
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
      ...(ranking.advice.length > 0 && { advice: ranking.advice.join(' ') }),
    };
  }

  return {
    /**
     * Messages that say what is looked for, the best first, among the newest that have any of its
     * words, or where embeddings are configured, that mean something like it. A cursor goes on
     * through the same ranking, without what came since its first page.
     *
     * @throws DomainError NOT_FOUND for a session or user that is not there, INVALID_ARGUMENT for
     *   arguments that exclude each other or a cursor of another search
     */
    async search(caller: Caller, input: SearchInput): Promise<SearchResult> {
      assertSense(input);
      const store = await deps.store();
      return queueLongRead(deps, caller, store, () => search(caller, store, input));
    },
  };
}

/** The rest of a ranking by meaning cannot be had without it: pages would repeat and leave out hits. */
function cannotGoOn(): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The embeddings endpoint, by which the pages before were ranked, does not answer. Repeat the call shortly, or begin anew without cursor to search by words.',
  );
}

function assertSense({ session_id, user_id, since, until }: SearchInput): void {
  if (session_id !== undefined && user_id !== undefined) {
    throw invalidArgument(
      'session_id and user_id cannot both be given. Give the session, or the user to search all of their sessions.',
    );
  }
  if (since !== undefined && until !== undefined && since > until) {
    throw invalidArgument('since is later than until. Exchange them.');
  }
}

/** One ranking of the two, or that of words alone where there is no other. */
function combined(
  words: LexicalRanking,
  meaning: SemanticRanking | { unavailable: string } | undefined,
  diverse: boolean,
): Ranking & Pick<SearchResult, 'mode'> & { advice: string[] } {
  if (meaning === undefined || 'unavailable' in meaning) {
    const advice = meaning === undefined ? words.advice : [...words.advice, meaning.unavailable];
    return { ...words, digests: new Map(), mode: 'lexical', advice };
  }
  const places = new Map<string, Pick<RankedMessage, 'place' | 'candidate'>>();
  for (const one of [...meaning.ranked, ...words.ranked]) places.set(positionKey(one.place), one);
  const keys = [words.ranked, meaning.ranked].map((ranked) =>
    ranked.map(({ place }) => positionKey(place)),
  );
  const fused = fuse(keys).map(({ key, score }): RankedMessage => {
    const { place, candidate } = places.get(key) as Pick<RankedMessage, 'place' | 'candidate'>;
    return { place, score, ...(candidate !== undefined && { candidate }) };
  });
  // A message that has the words is a hit whatever it meant when it was embedded.
  const digests = new Map(meaning.digests);
  for (const { place } of words.ranked) digests.delete(positionKey(place));
  return {
    ranked: diverse ? diversified(fused, meaning.vectors) : fused,
    ranges: new Map([...words.ranges, ...meaning.ranges]),
    terms: words.terms,
    digests,
    mode: 'hybrid',
    advice: [...words.advice, ...meaning.advice],
  };
}

/** The same with what repeats others further back, among the first. */
function diversified(
  ranked: readonly RankedMessage[],
  vectors: SemanticRanking['vectors'],
): RankedMessage[] {
  const head = ranked.slice(0, DIVERSITY.among).map(({ score, ...one }) => {
    return { score, one, vector: vectors.get(positionKey(one.place)) };
  });
  const alike = (a: (typeof head)[number], b: (typeof head)[number]) =>
    a.vector === undefined || b.vector === undefined ? 0 : similarity(a.vector, b.vector);
  const chosen = diversify(head, alike, DIVERSITY).map(({ score, one }) => ({ score, ...one }));
  return [...chosen, ...ranked.slice(DIVERSITY.among)];
}

/** Where a cursor goes on: behind the message that it names, or at its rank if that is gone. */
function behind(ranked: readonly RankedMessage[], key: string): number {
  const [, index, ...place] = key.split(' ');
  const named = ranked.findIndex((one) => positionKey(one.place) === place.join(' '));
  return named === -1 ? Math.max(0, Number(index) - 1 || 0) : named + 1;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
