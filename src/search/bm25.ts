import type { MessagePosition, SeqRange } from '../domain/positions.ts';
import { QUESTION_TERM } from './analyzer.ts';

/** A message that contains at least one of the query terms. */
export interface Candidate extends MessagePosition {
  role: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** The query terms that the message contains, repeated as often as they occur. */
  matched: readonly string[];
  /** The total number of terms in the message. */
  length: number;
}

export interface RankedMessage {
  place: MessagePosition;
  score: number;
  /** Missing if only neighbours of the message contain query terms. */
  candidate?: Candidate;
}

/** Statistics of the searched collection. */
export interface Statistics {
  /** The number of messages, as far as it is known. */
  messages: number;
  /** The number of messages that contain each term. */
  frequency: ReadonlyMap<string, number>;
}

/** The usual parameters of BM25: term saturation and length normalization. */
const K1 = 1.2;
const B = 0.75;

/**
 * The weights of neighbouring messages by distance. The answer is often in the chat turn before or
 * after the one with the query words.
 */
const NEIGHBOUR_WEIGHTS = [0.6, 0.4, 0.2];

/** The total weight of a message and all its neighbours, in messages. */
const TOTAL_WEIGHT = 1 + 2 * NEIGHBOUR_WEIGHTS.reduce((sum, weight) => sum + weight, 0);

/** Longer messages are more often relevant, up to this many terms. */
const LENGTH_PRIOR = { exponent: 0.3, atMost: 40, offset: 3 };

/** The penalty of a question: it contains the words of its answer, but is not the answer. */
const QUESTION_PENALTY = 0.8;

/** The bonus of a message of today over an old one. It halves in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * 86_400_000 };

/** The distance from a candidate up to which messages without any query term are ranked too. */
const NEIGHBOUR_DISTANCE = 1;

/**
 * Ranks messages by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009)
 * over each message together with its neighbours, which have lower weights, as in BM25F.
 *
 * @param ranges the range of live messages of each candidate's session, by session uuid
 * @param now milliseconds since 1970
 * @returns all candidates and their neighbours, best first; on equal scores the newest first
 */
export function rank(
  candidates: readonly Candidate[],
  terms: readonly string[],
  statistics: Statistics,
  ranges: ReadonlyMap<string, SeqRange>,
  now: number,
): RankedMessage[] {
  const weights = terms.map((term) => weightOf(term, statistics));
  const average = mean(candidates.map(({ length }) => length)) || 1;
  const ranked: (RankedMessage & { created_at: number })[] = [];
  for (const [session_uuid, near] of bySession(candidates)) {
    const range = ranges.get(session_uuid) as SeqRange;
    for (const [seq, around] of windowsOf(near, range, terms, average)) {
      const { frequencies, length, candidate, nearest } = around;
      const damping = K1 * (1 - B + (B * length) / (TOTAL_WEIGHT * average));
      let score = 0;
      for (let i = 0; i < weights.length; i++) {
        const frequency = frequencies[i] as number;
        score += ((weights[i] as number) * frequency * (K1 + 1)) / (frequency + damping);
      }
      const { created_at } = nearest;
      ranked.push({
        place: { session_id: nearest.session_id, session_uuid, seq },
        score: score * priorOf(candidate ?? { matched: [], length: average, created_at }, now),
        created_at,
        ...(candidate !== undefined && { candidate }),
      });
    }
  }
  return ranked.sort(
    (a, b) =>
      b.score - a.score ||
      b.created_at - a.created_at ||
      compare(a.place.session_id, b.place.session_id) ||
      b.place.seq - a.place.seq,
  );
}

/** A message together with its neighbours. */
interface Surroundings {
  /** The weighted frequency of each query term. */
  frequencies: number[];
  /** The weighted number of terms. A neighbour of unknown length counts as average. */
  length: number;
  candidate: Candidate | undefined;
  /** The candidate that led to this message: the message itself or a neighbour. */
  nearest: Candidate;
}

/**
 * Groups candidates by session, ordered by `seq`: floating-point sums are then identical in every
 * store.
 */
function bySession(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const sessions = new Map<string, Candidate[]>();
  for (const candidate of candidates.toSorted((a, b) => a.seq - b.seq)) {
    const others = sessions.get(candidate.session_uuid);
    if (others === undefined) sessions.set(candidate.session_uuid, [candidate]);
    else others.push(candidate);
  }
  return sessions;
}

/** The messages of one session to rank, by sequence number. */
function windowsOf(
  candidates: readonly Candidate[],
  { first_seq, last_seq }: SeqRange,
  terms: readonly string[],
  average: number,
): Map<number, Surroundings> {
  const windows = new Map<number, Surroundings>();
  for (const candidate of candidates) {
    windows.set(candidate.seq, emptyWindow(terms, average, candidate, candidate));
  }
  for (const candidate of candidates) {
    for (let distance = -NEIGHBOUR_DISTANCE; distance <= NEIGHBOUR_DISTANCE; distance++) {
      const seq = candidate.seq + distance;
      if (seq < first_seq || seq > last_seq || windows.has(seq)) continue;
      windows.set(seq, emptyWindow(terms, average, undefined, candidate));
    }
  }
  for (const { seq, matched, length } of candidates) {
    const matchedTerms = matched.map((term) => terms.indexOf(term)).filter((i) => i !== -1);
    for (
      let distance = -NEIGHBOUR_WEIGHTS.length;
      distance <= NEIGHBOUR_WEIGHTS.length;
      distance++
    ) {
      const window = windows.get(seq + distance);
      if (window === undefined) continue;
      const weight = neighbourWeight(distance);
      window.length += weight * (length - average);
      for (const i of matchedTerms)
        window.frequencies[i] = (window.frequencies[i] as number) + weight;
    }
  }
  return windows;
}

function emptyWindow(
  terms: readonly string[],
  average: number,
  candidate: Candidate | undefined,
  nearest: Candidate,
): Surroundings {
  // A message of unknown length counts as average, also beyond the ends of a session: adding a
  // message must not change a ranking that is being paged through.
  const length = TOTAL_WEIGHT * average;
  return { frequencies: terms.map(() => 0), length, candidate, nearest };
}

/** The weight of a neighbour at a distance. */
const neighbourWeight = (distance: number) =>
  distance === 0 ? 1 : (NEIGHBOUR_WEIGHTS[Math.abs(distance) - 1] as number);

/** Inverse document frequency, in the variant that is never negative. */
function weightOf(term: string, { messages, frequency }: Statistics): number {
  const documentFrequency = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - documentFrequency + 0.5) / (documentFrequency + 0.5));
}

/** The query-independent relevance of a message: its length, form and age. */
function priorOf(
  { matched, length, created_at }: Pick<Candidate, 'matched' | 'length' | 'created_at'>,
  now: number,
): number {
  const lengthPrior =
    (Math.min(length, LENGTH_PRIOR.atMost) + LENGTH_PRIOR.offset) ** LENGTH_PRIOR.exponent;
  const questionPenalty = matched.includes(QUESTION_TERM) ? QUESTION_PENALTY : 1;
  const age = Math.max(0, now - created_at);
  return lengthPrior * questionPenalty * (1 + RECENCY.bonus * 2 ** (-age / RECENCY.halfLife));
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
