import type { SeqRange } from '../../domain/positions.ts';
import { analyseQuestion, QUESTION_TERM } from '../../search/analyzer.ts';
import { type RankedMessage, rankInSteps } from '../../search/bm25.ts';
import { askedMarkers } from '../../search/speaker.ts';
import type { Store } from '../../store/port.ts';
import type { Candidates, SearchScope, TimeRange } from '../../store/search-port.ts';
import { runInSlices, yieldIfBusy } from '../event-loop.ts';
import type { SearchNote } from './note.ts';

/** The most messages considered per term, newest first; fewer if there are many terms. */
const CANDIDATES_PER_TERM = 240;

/** The most messages considered for all terms together. */
const CANDIDATES = 960;

/** The result of a lexical search. */
export interface LexicalRanking {
  ranked: RankedMessage[];
  /**
   * The reference time of the ranking, in milliseconds since 1970: now, or the time of a newer
   * message.
   */
  at: number;
  ranges: ReadonlyMap<string, SeqRange>;
  terms: readonly string[];
  notes: SearchNote[];
}

/**
 * Ranks messages by the terms that they share with a question.
 *
 * @param now milliseconds since 1970
 */
export async function rankLexically(
  store: Store,
  namespace: string,
  scope: SearchScope,
  question: string,
  time: TimeRange,
  now: number,
): Promise<LexicalRanking> {
  const { terms, omitted } = await runInSlices(analyseQuestion(question));
  const limit = Math.ceil(Math.min(CANDIDATES_PER_TERM, CANDIDATES / terms.length));
  const query = { terms, also: [QUESTION_TERM, ...askedMarkers(question)], limit, ...time };
  const begun = performance.now();
  const found = await store.search.candidates(namespace, scope, query);
  const { candidates, ranges } = found;
  await yieldIfBusy(begun);
  // Another server's clock may be ahead of ours.
  const at = candidates.reduce((latest, { created_at }) => Math.max(latest, created_at), now);
  return {
    ranked: await runInSlices(
      rankInSteps(candidates, terms, statisticsOf(found, terms), ranges, at, question),
    ),
    at,
    ranges,
    terms,
    notes: notesOn(terms, omitted, found, limit),
  };
}

/** Estimates the statistics of the searched messages from the candidates. */
function statisticsOf({ candidates, ranges }: Candidates, terms: readonly string[]) {
  const frequency = new Map(terms.map((term) => [term, 0]));
  for (const { matched } of candidates) {
    for (const term of new Set(matched)) {
      const count = frequency.get(term);
      if (count !== undefined) frequency.set(term, count + 1);
    }
  }
  // Each range ends at the session's last candidate: a message added later must not change a
  // ranking that is being paged through.
  const ends = new Map<string, number>();
  for (const { session_uuid, seq } of candidates) {
    ends.set(session_uuid, Math.max(seq, ends.get(session_uuid) ?? 0));
  }
  let messages = 0;
  for (const [uuid, end] of ends) messages += end - (ranges.get(uuid) as SeqRange).first_seq + 1;
  return { messages, frequency };
}

function notesOn(
  terms: readonly string[],
  omitted: number,
  { candidates, cut, outdated }: Candidates,
  perTerm: number,
): SearchNote[] {
  if (terms.length === 0) return [{ kind: 'no_terms' }];
  const notes: SearchNote[] = [];
  if (omitted > 0) notes.push({ kind: 'words_omitted', searched: terms.length, omitted });
  if (cut.length > 0) {
    const until = completeFrom(candidates, cut);
    notes.push({ kind: 'messages_omitted', ranked_per_word: perTerm, until });
  }
  if (outdated) notes.push({ kind: 'reanalysis' });
  return notes;
}

/**
 * The time before which some term has further messages, unless the candidates are all there are.
 */
function completeFrom(candidates: Candidates['candidates'], cut: readonly string[]) {
  const oldest = cut.flatMap((term) => {
    const times = candidates.flatMap(({ matched, created_at }) =>
      matched.includes(term) ? [created_at] : [],
    );
    const first = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    return times.some((time) => time > first) ? [first] : [];
  });
  return oldest.length === 0
    ? undefined
    : new Date(oldest.reduce((a, b) => Math.max(a, b))).toISOString();
}
