import type { SeqRange } from '../domain/positions.ts';
import { QUESTION_TERM, type Steps } from './analyzer.ts';
import type { Candidate } from './candidate.ts';

/** The usual parameters of BM25: term saturation and length normalization. */
const K1 = 1.2;
const B = 0.75;

/**
 * The weights of neighbouring messages by distance. The answer is often in the chat turn before or
 * after the one with the query words.
 */
const NEIGHBOUR_WEIGHTS = [1, 0.6, 0.4, 0.2];

/** The total weight of a message and all its neighbours, in messages. */
const TOTAL_WEIGHT = 2 * NEIGHBOUR_WEIGHTS.reduce((sum, weight) => sum + weight, 0) - 1;

/** The distance from a candidate up to which messages without any query term are ranked too. */
const NEIGHBOUR_DISTANCE = 1;

/** Messages per slice, which take about half a millisecond. */
const SLICE_MESSAGES = 256;

/** A message that is ranked, with what the query terms in it and around it say about it. */
export interface Surroundings {
  seq: number;
  /** Missing if only neighbours of the message contain query terms. */
  candidate: Candidate | undefined;
  /** The candidate that led to this message: the message itself or a neighbour. */
  nearest: Candidate;
  /** BM25 of the message together with its neighbours, which have lower weights, as in BM25F. */
  window: number;
  /** BM25 of the message alone. */
  own: number;
  /** BM25 of the message before, if that asks something. */
  asked: number;
  /** The best BM25 of a message in the session. */
  session: number;
  /** How much of the query, by weight, the message and its neighbours contain. */
  coverage: number;
}

/** A candidate with its query terms counted. */
interface Turn {
  candidate: Candidate;
  /** The index of each query term in it. */
  terms: number[];
  own: number;
  asks: boolean;
}

/**
 * Looks at each candidate, and at each message next to one, with its surroundings.
 *
 * @param weights the weight of each query term
 * @param average the mean length of candidates
 */
export function* surroundingsOf(
  candidates: readonly Candidate[],
  terms: readonly string[],
  weights: readonly number[],
  average: number,
  ranges: ReadonlyMap<string, SeqRange>,
): Steps<Surroundings[]> {
  const indexes = new Map(terms.map((term, i) => [term, i]));
  const all: Surroundings[] = [];
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  for (const [session_uuid, inSession] of bySession(candidates)) {
    const turns = inSession.map((candidate) => toTurn(candidate, indexes, weights, average));
    const session = turns.reduce((best, { own }) => Math.max(best, own), 0);
    let first = 0;
    for (const [seq, nearest] of rankedMessages(turns, ranges.get(session_uuid) as SeqRange)) {
      if (all.length % SLICE_MESSAGES === SLICE_MESSAGES - 1) yield;
      while ((turns[first] as Turn).candidate.seq < seq - NEIGHBOUR_WEIGHTS.length + 1) first++;
      const around = lookAround(turns, first, seq, weights, average);
      around.coverage /= totalWeight;
      const candidate = nearest.candidate.seq === seq ? nearest : undefined;
      all.push({
        ...{ seq, candidate: candidate?.candidate, nearest: nearest.candidate },
        ...{ own: candidate?.own ?? 0, session },
        ...around,
      });
    }
  }
  return all;
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

function toTurn(
  candidate: Candidate,
  indexes: ReadonlyMap<string, number>,
  weights: readonly number[],
  average: number,
): Turn {
  const terms: number[] = [];
  let asks = false;
  for (const term of candidate.matched) {
    const index = indexes.get(term);
    if (index !== undefined) terms.push(index);
    if (term === QUESTION_TERM) asks = true;
  }
  const counts = new Map<number, number>();
  for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  const damping = dampingOf(candidate.length / average);
  let own = 0;
  for (const [term, count] of counts) own += (weights[term] as number) * saturated(count, damping);
  return { candidate, terms, own, asks };
}

/** The messages of a session to rank, in order, each with the candidate that is nearest to it. */
function* rankedMessages(
  turns: readonly Turn[],
  { first_seq, last_seq }: SeqRange,
): Generator<[seq: number, nearest: Turn]> {
  let next = first_seq;
  for (const [i, turn] of turns.entries()) {
    const { seq } = turn.candidate;
    const following = turns[i + 1]?.candidate.seq ?? Number.POSITIVE_INFINITY;
    const from = Math.max(next, seq - NEIGHBOUR_DISTANCE);
    const to = Math.min(seq + NEIGHBOUR_DISTANCE, last_seq, following - 1);
    for (let one = Math.min(from, seq); one <= Math.max(to, seq); one++) yield [one, turn];
    next = Math.max(to, seq) + 1;
  }
}

/**
 * What the candidates around a message have of the query.
 *
 * @param first the index of the first turn that may be near
 */
function lookAround(
  turns: readonly Turn[],
  first: number,
  seq: number,
  weights: readonly number[],
  average: number,
): Pick<Surroundings, 'window' | 'asked' | 'coverage'> {
  const frequencies = new Array<number>(weights.length).fill(0);
  // A message of unknown length counts as average, also beyond the ends of a session: adding a
  // message must not change a ranking that is being paged through.
  let length = TOTAL_WEIGHT;
  let asked = 0;
  for (let i = first; i < turns.length; i++) {
    const { candidate, terms, own, asks } = turns[i] as Turn;
    const distance = candidate.seq - seq;
    if (distance >= NEIGHBOUR_WEIGHTS.length) break;
    if (distance === -1 && asks) asked = own;
    const weight = NEIGHBOUR_WEIGHTS[Math.abs(distance)] as number;
    length += weight * (candidate.length / average - 1);
    for (const term of terms) frequencies[term] = (frequencies[term] as number) + weight;
  }
  const damping = dampingOf(length / TOTAL_WEIGHT);
  let window = 0;
  let coverage = 0;
  for (const [term, frequency] of frequencies.entries()) {
    if (frequency === 0) continue;
    window += (weights[term] as number) * saturated(frequency, damping);
    coverage += weights[term] as number;
  }
  return { window, asked, coverage };
}

/** @param length in average lengths */
const dampingOf = (length: number) => K1 * (1 - B + B * length);

const saturated = (frequency: number, damping: number) =>
  (frequency * (K1 + 1)) / (frequency + damping);
