import { ASKS, analyseQuestion } from '../search/analyse.ts';
import { type Ranked, rank } from '../search/rank.ts';
import type { Candidates, Extent, SearchScope, Store } from '../store/store.ts';

import { letOthers } from './turns.ts';

/** How many messages are considered for each term, the newest; fewer where there are many terms. */
const CANDIDATES_PER_TERM = 500;

/** How many messages are considered for all terms together. */
const CANDIDATES = 4000;

/** What a search by words came to. */
export interface Words {
  ranked: Ranked[];
  threads: ReadonlyMap<string, Extent>;
  terms: readonly string[];
  /** What was not considered, and how to get at it. */
  advice: string[];
}

/**
 * Ranks messages by the words that they have in common with a question.
 *
 * @param now milliseconds since 1970
 */
export async function rankByWords(
  store: Store,
  namespace: string,
  scope: SearchScope,
  question: string,
  time: { since?: string | undefined; until?: string | undefined },
  now: number,
): Promise<Words> {
  const { terms, omitted } = analyseQuestion(question);
  const limit = Math.ceil(Math.min(CANDIDATES_PER_TERM, CANDIDATES / terms.length));
  const query = { terms, also: [ASKS], limit, ...time };
  const found = await store.search.candidates(namespace, scope, query);
  const { candidates, threads } = found;
  await letOthers();
  return {
    ranked: rank(candidates, terms, statisticsOf(found, terms), threads, now),
    threads,
    terms,
    advice: adviceOn(terms, omitted, found, limit),
  };
}

/** What the candidates say of the messages that they were found among. */
function statisticsOf({ candidates, threads }: Candidates, terms: readonly string[]) {
  const frequency = new Map(terms.map((term) => [term, 0]));
  for (const { matched } of candidates) {
    for (const term of new Set(matched)) {
      const count = frequency.get(term);
      if (count !== undefined) frequency.set(term, count + 1);
    }
  }
  let messages = 0;
  for (const { first_seq, last_seq } of threads.values()) messages += last_seq - first_seq + 1;
  return { messages, frequency };
}

/** What was left out of a search, and how to get at it. */
function adviceOn(
  terms: readonly string[],
  omitted: number,
  { candidates, cut }: Candidates,
  perTerm: number,
): string[] {
  if (terms.length === 0) {
    return [
      'The query has nothing to look for: no letter, digit or emoji. Use words that the messages may have.',
    ];
  }
  const advice: string[] = [];
  if (omitted > 0) {
    advice.push(
      `Only the first ${terms.length} words of the query were looked for, and ${omitted} were not: make it shorter.`,
    );
  }
  if (cut.length > 0) {
    const complete = Math.max(
      ...cut.map((term) =>
        Math.min(
          ...candidates
            .filter(({ matched }) => matched.includes(term))
            .map(({ created_at }) => created_at),
        ),
      ),
    );
    const until = Number.isFinite(complete) ? new Date(complete).toISOString() : undefined;
    advice.push(
      `Some words are in many messages, and of each word only the newest ${perTerm} were considered. To look further back, repeat the search${until === undefined ? '' : ` with until ${until}`}, or narrow it by session_id, user_id or since.`,
    );
  }
  return advice;
}
