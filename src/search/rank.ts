import type { Candidate, Extent, MessagePlace } from '../store/store.ts';
import { ASKS } from './analyse.ts';

export interface Ranked {
  candidate: Candidate;
  score: number;
}

/** What is known of the messages among which the candidates were found. */
export interface Statistics {
  /** How many messages there are, as far as that is known. */
  messages: number;
  /** How many of them have a term. */
  frequency: ReadonlyMap<string, number>;
}

/** The usual parameters of BM25: how soon repetition counts for less, and how much length matters. */
const K1 = 1.2;
const B = 0.75;

/**
 * How much of what the turns around a message say counts for it, by their distance. What is asked for
 * is often in the turn before or after the one with the words.
 */
const NEIGHBOURS = [0.5, 0.4, 0.3, 0.2, 0.1];

/** Turns that say more are more often what is looked for, up to this many terms. */
const TELLING = { exponent: 0.3, atMost: 40, offset: 3 };

/** A question has the words of its answer, but is not the answer. */
const ASKING = 0.8;

/** A message of today counts by so much more than one of long ago; half of it is lost in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * 86_400_000 };

/**
 * Ranks candidates by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009)
 * over each message together with its neighbours, which count for less, as in BM25F.
 *
 * @param extentOf the thread that a candidate is in
 * @param now milliseconds since 1970
 * @returns all of them, the best first; of equals, the newest
 */
export function rank(
  candidates: readonly Candidate[],
  terms: readonly string[],
  statistics: Statistics,
  extentOf: (candidate: Candidate) => Extent,
  now: number,
): Ranked[] {
  const weights = terms.map((term) => weightOf(term, statistics));
  const average = mean(candidates.map(({ length }) => length));
  const places = new Map(candidates.map((candidate) => [placeOf(candidate), candidate]));
  const counts = new Map(
    candidates.map((candidate) => [candidate, occurrences(terms, candidate.matched)]),
  );
  const ranked = candidates.map((candidate) => {
    const frequencies = new Float64Array(terms.length);
    let length = 0;
    let usual = 0;
    const count = (of: Candidate | undefined, weight: number) => {
      length += weight * (of?.length ?? average);
      usual += weight * average;
      if (of === undefined) return;
      const own = counts.get(of) as Uint8Array;
      for (let i = 0; i < own.length; i++) {
        frequencies[i] = (frequencies[i] as number) + weight * (own[i] as number);
      }
    };
    count(candidate, 1);
    const { first_seq, last_seq } = extentOf(candidate);
    NEIGHBOURS.forEach((weight, i) => {
      for (const seq of [candidate.seq - i - 1, candidate.seq + i + 1]) {
        if (seq < first_seq || seq > last_seq) continue;
        count(places.get(placeOf({ ...candidate, seq })), weight);
      }
    });
    const damping = K1 * (1 - B + (B * length) / usual);
    let score = 0;
    for (let i = 0; i < terms.length; i++) {
      const frequency = frequencies[i] as number;
      score += ((weights[i] as number) * frequency * (K1 + 1)) / (frequency + damping);
    }
    return { candidate, score: score * priorOf(candidate, now) };
  });
  return ranked.sort(
    (a, b) =>
      b.score - a.score ||
      b.candidate.created_at - a.candidate.created_at ||
      compare(a.candidate.session_id, b.candidate.session_id) ||
      b.candidate.seq - a.candidate.seq,
  );
}

/** Inverse document frequency, in the form that is never negative. */
function weightOf(term: string, { messages, frequency }: Statistics): number {
  const having = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - having + 0.5) / (having + 0.5));
}

function occurrences(terms: readonly string[], matched: readonly string[]): Uint8Array {
  return Uint8Array.from(terms, (term) =>
    matched.reduce((n, one) => n + (one === term ? 1 : 0), 0),
  );
}

/** What speaks for a message whatever is looked for. */
function priorOf({ matched, length, created_at }: Candidate, now: number): number {
  const telling = (Math.min(length, TELLING.atMost) + TELLING.offset) ** TELLING.exponent;
  const asking = matched.includes(ASKS) ? ASKING : 1;
  const age = Math.max(0, now - created_at);
  return telling * asking * (1 + RECENCY.bonus * 2 ** (-age / RECENCY.halfLife));
}

/** Names a message by its place. */
export function placeOf({ thread, seq }: Pick<MessagePlace, 'thread' | 'seq'>): string {
  return `${seq}@${thread}`;
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
