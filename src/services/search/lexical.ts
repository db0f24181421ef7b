import type { JsonObject } from '../../domain/metadata.ts';
import { positionKey, type SeqRange } from '../../domain/positions.ts';
import { analyseQuestion, QUESTION_TERM } from '../../search/analyzer.ts';
import {
  type Candidate,
  type Collection,
  type RankedMessage,
  rankInSteps,
} from '../../search/bm25.ts';
import { askedMarkers } from '../../search/speaker.ts';
import type { Store } from '../../store/port.ts';
import type { Candidates, SearchScope, TimeRange } from '../../store/search-port.ts';
import { runInSlices, yieldIfBusy } from '../event-loop.ts';
import type { SearchNote } from './note.ts';

/** The most messages considered per term, newest first; fewer if there are many terms. */
const CANDIDATES_PER_TERM = 200;

/** The most messages considered for all terms together. */
const CANDIDATES = 960;

/** What a lexical search looks for. */
export interface LexicalQuery extends TimeRange {
  question: string;
  roles?: readonly string[] | undefined;
  /** Only messages whose role has this word. */
  roleWord?: string | undefined;
  metadata?: JsonObject | undefined;
  /** The most messages considered per term, if not `CANDIDATES_PER_TERM`. */
  perTerm?: number | undefined;
  /** The most messages considered for all terms together, if not `CANDIDATES`. */
  total?: number | undefined;
  /** No messages of the session with this uuid. */
  exceptSession?: string | undefined;
  /** When the first page of the search was ranked: what was added later is left out. */
  seen?: string | undefined;
  /** Where the search before has ended, if this one goes further back. */
  after?: readonly (string | null)[] | undefined;
  /** Where this search ends, if an earlier page has found that. */
  end?: readonly (string | null)[] | undefined;
  /** Where the first of the searches has ended, if this is a later one. */
  firstEnd?: readonly (string | null)[] | undefined;
}

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
  /** Where the search has ended. */
  end: readonly (string | null)[];
  /** Where to go further back; absent if there is nothing more. */
  next?: readonly (string | null)[];
  notes: SearchNote[];
}

/**
 * Ranks messages by the terms that they share with a question.
 *
 * @param now milliseconds since 1970
 * @param termWeights the terms to look for instead of those of the question, and how much each counts
 */
export async function rankLexically(
  store: Store,
  namespace: string,
  scope: SearchScope,
  query: LexicalQuery,
  now: number,
  termWeights?: ReadonlyMap<string, number>,
): Promise<LexicalRanking> {
  const { question, seen, after, end: knownEnd, firstEnd, perTerm, total, ...filter } = query;
  const asked =
    termWeights === undefined
      ? await runInSlices(analyseQuestion(question))
      : { terms: [...termWeights.keys()], omitted: 0 };
  const limit = Math.ceil(
    Math.min(perTerm ?? CANDIDATES_PER_TERM, (total ?? CANDIDATES) / asked.terms.length),
  );
  const begun = performance.now();
  const look = (window: Pick<LexicalQuery, 'after' | 'end'>) =>
    store.search.candidates(namespace, scope, {
      ...{ ...filter, ...window },
      until: earlier(filter.until, seen),
      terms: asked.terms,
      also: [QUESTION_TERM, ...askedMarkers(question)],
      // Of the messages of a window, some may have been added since, and others deleted.
      limit: window.end === undefined ? limit : 2 * limit,
    });
  const byNeighbours = ranksByNeighbours(filter);
  const [found, first] = await Promise.all([
    look({ after, end: knownEnd }),
    byNeighbours && firstEnd !== undefined ? look({ end: firstEnd }) : undefined,
  ]);
  const end = knownEnd ?? found.next;
  const { candidates, ranges } = found;
  await yieldIfBusy(begun);
  // Another server's clock may be ahead of ours.
  const at = candidates.reduce((latest, { created_at }) => Math.max(latest, created_at), now);
  const ranked = await runInSlices(
    rankInSteps(candidates, collectionOf(found, asked.terms), {
      ...{ terms: asked.terms, termWeights, question, now: at },
      neighbours: byNeighbours && after === undefined,
    }),
  );
  const next = nextOf(end, after);
  const known = neighboursOf(first?.candidates ?? []);
  return {
    ranked:
      known.size === 0 ? ranked : ranked.filter(({ place }) => !known.has(positionKey(place))),
    at,
    ranges,
    terms: asked.terms,
    end,
    ...(next !== undefined && { next }),
    notes: notesOn(asked.terms, asked.omitted, found, limit),
  };
}

/** Terms that all count the same, for `rankLexically`. */
export const evenWeights = (terms: readonly string[]): ReadonlyMap<string, number> =>
  new Map(terms.map((term) => [term, 1]));

/** The earlier of two times, of which either may be missing. */
export function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** Where to go further back, unless there is nothing more, or no way was made. */
function nextOf(end: LexicalRanking['end'], after: LexicalQuery['after']) {
  const isOver = end.every((position) => position === null);
  const isStuck = end.every((position, i) => position === after?.[i]);
  return isOver || isStuck ? undefined : end;
}

/**
 * Whether messages are ranked that only their neighbours speak for: not if it is uncertain whether they
 * meet the filters. Only the first of the searches ranks them.
 */
const ranksByNeighbours = (query: Omit<LexicalQuery, 'question'>) => {
  const { roles, roleWord, metadata, since, until } = query;
  return [roles, roleWord, metadata, since, until].every((condition) => condition === undefined);
};

/** The positions next to candidates. */
const neighboursOf = (candidates: readonly Candidate[]): Set<string> =>
  new Set(
    candidates.flatMap(({ session_uuid, seq }) =>
      [seq - 1, seq + 1].map((other) => positionKey({ session_uuid, seq: other })),
    ),
  );

/** Estimates the statistics of the searched messages from the candidates. */
function collectionOf({ candidates, ranges }: Candidates, terms: readonly string[]): Collection {
  const frequency = new Map(terms.map((term) => [term, 0]));
  for (const { matched } of candidates) {
    for (const [i, term] of matched.entries()) {
      const count = frequency.get(term);
      if (count !== undefined && matched.indexOf(term) === i) frequency.set(term, count + 1);
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
  return { messages, frequency, ranges };
}

function notesOn(
  terms: readonly string[],
  omitted: number,
  { cut, outdated }: Candidates,
  perTerm: number,
): SearchNote[] {
  if (terms.length === 0) return [{ kind: 'no_terms' }];
  const notes: SearchNote[] = [];
  if (omitted > 0) notes.push({ kind: 'words_omitted', searched: terms.length, omitted });
  if (cut.length > 0) notes.push({ kind: 'messages_omitted', ranked_per_word: perTerm });
  if (outdated) notes.push({ kind: 'reanalysis' });
  return notes;
}
