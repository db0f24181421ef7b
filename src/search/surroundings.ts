import type { SeqRange } from '../domain/positions.ts';
import { QUESTION_TERM, type Steps } from './analyzer.ts';
import type { Candidate } from './candidate.ts';

/** The usual parameters of BM25: term saturation and length normalization. */
const K1 = 1.2;
const B = 0.75;

/**
 * The weights of a message and its neighbours, by distance. The answer is often in the chat turn
 * before or after the one with the query words.
 */
const WEIGHTS = [1, 0.6, 0.4, 0.2];

/** The total weight of a message and all its neighbours, in messages. */
const TOTAL_WEIGHT = 2 * WEIGHTS.reduce((sum, weight) => sum + weight, 0) - 1;

/** The distance from a candidate up to which messages without any query term are ranked too. */
const NEIGHBOUR_DISTANCE = 1;

/** Messages per slice, which take about half a millisecond. */
const SLICE_MESSAGES = 512;

/** The query as messages are compared with it. */
export interface WeighedTerms {
  terms: readonly string[];
  /** The weight of each term. */
  weights: readonly number[];
  /** The sum of the weights, or 1 if all are 0. */
  total: number;
  /** The mean length of the candidates. */
  average: number;
  /** Whether to rank messages without any of the terms, too, if they are next to one that has them. */
  neighbours: boolean;
}

/**
 * The messages to rank: each candidate, and perhaps each message next to one. In columns rather than
 * objects, because there are thousands in each search.
 */
export interface Surroundings {
  seq: number[];
  /** The message itself, if it is a candidate, or else the one next to it. */
  nearest: Candidate[];
  /** BM25 of the message together with its neighbours, which have lower weights, as in BM25F. */
  window: number[];
  /** BM25 of the message alone. */
  own: number[];
  /** BM25 of the message before, if that asks something. */
  asked: number[];
  /** The best BM25 of a message in the session. */
  session: number[];
  /** The share of the query, by weight, that the message and its neighbours contain. */
  coverage: number[];
}

/** A candidate with its query terms counted. */
interface Turn {
  candidate: Candidate;
  /** The index of each query term in it. */
  terms: number[];
  own: number;
  asks: boolean;
}

/** Collects how well each candidate, and each message next to one, matches the query together with what is around it. */
export function* surroundingsOf(
  candidates: readonly Candidate[],
  query: WeighedTerms,
  ranges: ReadonlyMap<string, SeqRange>,
): Steps<Surroundings> {
  const columns: Surroundings = {
    ...{ seq: [], nearest: [], window: [], own: [], asked: [], session: [], coverage: [] },
  };
  const indexes = new Map(query.terms.map((term, i) => [term, i]));
  const counts = new Float64Array(query.terms.length);
  const distance = query.neighbours ? NEIGHBOUR_DISTANCE : 0;
  let done = 0;
  for (const [session_uuid, inSession] of bySession(candidates)) {
    const turns = inSession.map((candidate) => toTurn(candidate, query, indexes, counts));
    const best = turns.reduce((most, { own }) => Math.max(most, own), 0);
    let first = 0;
    const range = ranges.get(session_uuid) as SeqRange;
    for (const [seq, nearest] of rankedMessages(turns, range, distance)) {
      if (++done % SLICE_MESSAGES === 0) yield;
      while ((turns[first] as Turn).candidate.seq <= seq - WEIGHTS.length) first++;
      columns.seq.push(seq);
      columns.nearest.push(nearest.candidate);
      columns.own.push(nearest.candidate.seq === seq ? nearest.own : 0);
      columns.session.push(best);
      lookAround(turns, first, seq, query, counts, columns);
    }
  }
  return columns;
}

/**
 * Groups candidates by session, ordered by `seq`: floating-point sums are then identical in every
 * store.
 */
function bySession(candidates: readonly Candidate[]): Map<string, Candidate[]> {
  const sessions = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const others = sessions.get(candidate.session_uuid);
    if (others === undefined) sessions.set(candidate.session_uuid, [candidate]);
    else others.push(candidate);
  }
  for (const inSession of sessions.values()) inSession.sort((a, b) => a.seq - b.seq);
  return sessions;
}

/** @param counts zeros, and zeros again when it returns */
function toTurn(
  candidate: Candidate,
  { weights, average }: WeighedTerms,
  indexes: ReadonlyMap<string, number>,
  counts: Float64Array,
): Turn {
  const terms: number[] = [];
  let asks = false;
  for (const term of candidate.matched) {
    if (term === QUESTION_TERM) asks = true;
    const index = indexes.get(term);
    if (index === undefined) continue;
    terms.push(index);
    counts[index] = (counts[index] as number) + 1;
  }
  const damping = dampingOf(candidate.length / average);
  let own = 0;
  for (const term of terms) {
    own += (weights[term] as number) * saturated(counts[term] as number, damping);
    counts[term] = 0;
  }
  return { candidate, terms, own, asks };
}

/**
 * The messages of a session to rank, in order, each with the candidate that is nearest to it.
 *
 * @param distance how far from a candidate they are, at most
 */
function* rankedMessages(
  turns: readonly Turn[],
  { first_seq, last_seq }: SeqRange,
  distance: number,
): Generator<[seq: number, nearest: Turn]> {
  let next = first_seq;
  for (let i = 0; i < turns.length; i++) {
    const turn = turns[i] as Turn;
    const { seq } = turn.candidate;
    const following = turns[i + 1]?.candidate.seq ?? Number.POSITIVE_INFINITY;
    const end = Math.min(seq + distance, last_seq, following - 1);
    for (let one = Math.max(next, seq - distance); one < seq; one++) yield [one, turn];
    yield [seq, turn];
    for (let one = seq + 1; one <= end; one++) yield [one, turn];
    next = Math.max(end, seq) + 1;
  }
}

/**
 * Adds what the candidates around a message have of the query to the columns.
 *
 * @param first the index of the first turn that may be near
 * @param frequencies zeros, and zeros again when it returns
 */
function lookAround(
  turns: readonly Turn[],
  first: number,
  seq: number,
  { weights, average, total }: WeighedTerms,
  frequencies: Float64Array,
  columns: Surroundings,
): void {
  // A message of unknown length counts as average, also beyond the ends of a session: adding a
  // message must not change a ranking that is being paged through.
  let length = TOTAL_WEIGHT;
  let asked = 0;
  for (let i = first; i < turns.length; i++) {
    const { candidate, terms, own, asks } = turns[i] as Turn;
    const distance = candidate.seq - seq;
    if (distance >= WEIGHTS.length) break;
    if (distance === -1 && asks) asked = own;
    const weight = WEIGHTS[Math.abs(distance)] as number;
    length += weight * (candidate.length / average - 1);
    for (const term of terms) frequencies[term] = (frequencies[term] as number) + weight;
  }
  const damping = dampingOf(length / TOTAL_WEIGHT);
  let [window, covered] = [0, 0];
  for (let term = 0; term < weights.length; term++) {
    const [frequency, weight] = [frequencies[term] as number, weights[term] as number];
    if (frequency === 0) continue;
    frequencies[term] = 0;
    window += weight * saturated(frequency, damping);
    covered += weight;
  }
  columns.window.push(window);
  columns.asked.push(asked);
  columns.coverage.push(covered / total);
}

/** @param length in average lengths */
const dampingOf = (length: number) => K1 * (1 - B + B * length);

const saturated = (frequency: number, damping: number) =>
  (frequency * (K1 + 1)) / (frequency + damping);
