import type { MessagePosition, SeqRange } from '../domain/positions.ts';
import { QUESTION_TERM } from './analyzer.ts';

/** A message that has at least one of the terms that are looked for. */
export interface Candidate extends MessagePosition {
  role: string;
  /** Milliseconds since 1970. */
  created_at: number;
  /** The terms that are looked for, each as often as the message has it. */
  matched: readonly string[];
  /** The number of terms that the message has in all. */
  length: number;
}

export interface RankedMessage {
  place: MessagePosition;
  score: number;
  /** Missing if the message has none of the terms itself: those around it have. */
  candidate?: Candidate;
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
const NEIGHBOURS = [0.6, 0.4, 0.2];

/** What a message with all its neighbours amounts to, in messages. */
const WINDOW = 1 + 2 * NEIGHBOURS.reduce((sum, weight) => sum + weight, 0);

/** Turns that say more are more often what is looked for, up to this many terms. */
const TELLING = { exponent: 0.3, atMost: 40, offset: 3 };

/** A question has the words of its answer, but is not the answer. */
const ASKING = 0.8;

/** A message of today counts by so much more than one of long ago; half of it is lost in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * 86_400_000 };

/** How far from a candidate a message without any of the terms is ranked too. */
const REACH = 1;

/**
 * Ranks messages by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) over
 * each message together with its neighbours, which count for less, as in BM25F.
 *
 * @param ranges the live messages of the sessions that the candidates are in, by their uuids
 * @param now milliseconds since 1970
 * @returns all candidates and what is next to them, the best first; of equals, the newest
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
      const damping = K1 * (1 - B + (B * length) / (WINDOW * average));
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

/** A message together with what is around it. */
interface Surroundings {
  /** How often each term is said, here and around. */
  frequencies: number[];
  /** How many terms there are, here and around; where that is not known, the usual number. */
  length: number;
  candidate: Candidate | undefined;
  /** The candidate that it was found by: itself, or one next to it. */
  nearest: Candidate;
}

/** In the order of their places, so that sums come out the same to the last bit in every store. */
function bySession(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const sessions = new Map<string, Candidate[]>();
  for (const candidate of candidates.toSorted((a, b) => a.seq - b.seq)) {
    const others = sessions.get(candidate.session_uuid);
    if (others === undefined) sessions.set(candidate.session_uuid, [candidate]);
    else others.push(candidate);
  }
  return sessions;
}

/** The messages of one session that are ranked, by their sequence numbers. */
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
    for (let distance = -REACH; distance <= REACH; distance++) {
      const seq = candidate.seq + distance;
      if (seq < first_seq || seq > last_seq || windows.has(seq)) continue;
      windows.set(seq, emptyWindow(terms, average, undefined, candidate));
    }
  }
  for (const { seq, matched, length } of candidates) {
    const said = matched.map((term) => terms.indexOf(term)).filter((i) => i !== -1);
    for (let distance = -NEIGHBOURS.length; distance <= NEIGHBOURS.length; distance++) {
      const window = windows.get(seq + distance);
      if (window === undefined) continue;
      const share = shareAt(distance);
      window.length += share * (length - average);
      for (const i of said) window.frequencies[i] = (window.frequencies[i] as number) + share;
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
  // What is not known to say more or less says as much as usual, at the ends of a session, too: a
  // ranking that is being paged through must not change because somebody adds a message.
  const length = WINDOW * average;
  return { frequencies: terms.map(() => 0), length, candidate, nearest };
}

/** How much a message counts for another so far away. */
const shareAt = (distance: number) =>
  distance === 0 ? 1 : (NEIGHBOURS[Math.abs(distance) - 1] as number);

/** Inverse document frequency, in the form that is never negative. */
function weightOf(term: string, { messages, frequency }: Statistics): number {
  const having = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - having + 0.5) / (having + 0.5));
}

/** What speaks for a message whatever is looked for. */
function priorOf(
  { matched, length, created_at }: Pick<Candidate, 'matched' | 'length' | 'created_at'>,
  now: number,
): number {
  const telling = (Math.min(length, TELLING.atMost) + TELLING.offset) ** TELLING.exponent;
  const asking = matched.includes(QUESTION_TERM) ? ASKING : 1;
  const age = Math.max(0, now - created_at);
  return telling * asking * (1 + RECENCY.bonus * 2 ** (-age / RECENCY.halfLife));
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
