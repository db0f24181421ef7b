import type { MessagePosition, SeqRange } from '../domain/positions.ts';
import { DAY_MS } from '../domain/times.ts';
import { finish, QUESTION_TERM, type Steps } from './analyzer.ts';
import type { Candidate } from './candidate.ts';
import { timeFit } from './dates.ts';
import { speakerFit } from './speaker.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import { strengthOf } from './weak-terms.ts';

export type { Candidate };

export interface RankedMessage {
  place: MessagePosition;
  /** Comparable within one ranking only. */
  score: number;
  /** How well its own words match, as a share of the best: 0 if it has no query term. */
  match: number;
  /** Missing if only neighbours of the message contain query terms. */
  candidate?: Candidate;
}

/** The searched collection, as far as it is known. */
export interface Collection {
  /** The number of messages. */
  messages: number;
  /** The number of messages that contain each term. */
  frequency: ReadonlyMap<string, number>;
  /** The range of live messages of each candidate's session, by session uuid. */
  ranges: ReadonlyMap<string, SeqRange>;
}

/** What is looked for. */
export interface RankedQuery {
  terms: readonly string[];
  /** By how much the weights of some terms are multiplied. */
  termWeights?: ReadonlyMap<string, number> | undefined;
  /** The text that the terms are from. */
  question: string;
  /** Milliseconds since 1970. */
  now: number;
  /** Whether to rank messages without any of the terms, too, if they are next to one that has them. */
  neighbours: boolean;
}

/**
 * The weights of a log-linear model of which message is the answer, fitted on questions with known
 * answers (bench/search-quality.mjs), and rounded. What BM25 gives counts as a share of the best of
 * all messages.
 */
const WEIGHTS = {
  /** BM25 of the message with its neighbours, and its length, form and age. */
  window: 2.5,
  /** BM25 of the message alone. */
  own: 1,
  /** BM25 of the question that the message follows. */
  asked: 1.2,
  /** The best BM25 in the session. */
  session: 1.2,
  /** The share of the query that is found in the message and its neighbours. */
  coverage: 2.6,
  /** The message is by the speaker whom the question asks about, or by another. */
  speaker: 1.3,
  /** The message is from a time that the question names. */
  time: 2.8,
};

/** Longer messages are more often relevant, up to this many terms. */
const LENGTH_PRIOR = { exponent: 0.3, atMost: 40, offset: 3 };

/** The penalty of a question: it contains the words of its answer, but is not the answer. */
const QUESTION_PENALTY = 0.8;

/** The bonus of a message of today over an old one. It halves in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * DAY_MS };

/** Messages per slice, which take about half a millisecond. */
const SLICE_MESSAGES = 2048;

/**
 * Ranks messages by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009) of
 * each message and its surroundings, and by what else the question tells of its answer: whose words
 * it asks for, and of when.
 *
 * @returns all candidates and, if they are wanted, their neighbours, best first; on equal scores the
 *   newest first
 */
export function* rankInSteps(
  candidates: readonly Candidate[],
  collection: Collection,
  { terms, termWeights, question, now, neighbours }: RankedQuery,
): Steps<RankedMessage[]> {
  const average = mean(candidates.map(({ length }) => length)) || 1;
  const weights = terms.map(
    (term) => weightOf(term, collection) * strengthOf(term) * (termWeights?.get(term) ?? 1),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0) || 1;
  const weighed = { terms, weights, total, average, neighbours };
  const around = yield* surroundingsOf(candidates, weighed, collection.ranges);
  const scores = yield* scoresOf(around, candidates, average, now, question);
  const { nearest, seq, own } = around;
  const bestOwn = largest(own);
  const order = [...scores.keys()].sort((a, b) => {
    const [one, other] = [nearest[a] as Candidate, nearest[b] as Candidate];
    return (
      (scores[b] as number) - (scores[a] as number) ||
      other.created_at - one.created_at ||
      compare(one.session_id, other.session_id) ||
      (seq[b] as number) - (seq[a] as number)
    );
  });
  yield;
  return order.map((i): RankedMessage => {
    const candidate = nearest[i] as Candidate;
    const { session_id, session_uuid } = candidate;
    const place = { session_id, session_uuid, seq: seq[i] as number };
    const [score, match] = [scores[i] as number, (own[i] as number) / bestOwn];
    return place.seq === candidate.seq
      ? { place, score, match, candidate }
      : { place, score, match };
  });
}

/** Like `rankInSteps`, but without pauses. */
export function rank(...args: Parameters<typeof rankInSteps>): RankedMessage[] {
  return finish(rankInSteps(...args));
}

function* scoresOf(
  around: Surroundings,
  candidates: readonly Candidate[],
  average: number,
  now: number,
  question: string,
): Steps<Float64Array> {
  const { nearest, seq, own, asked, session, coverage } = around;
  const fitsSpeaker = speakerFit(question, candidates);
  const fitsTime = timeFit(question, candidates, now);
  const windows = around.window.map((window, i) => {
    const { created_at, length, matched, seq: itsSeq } = nearest[i] as Candidate;
    return itsSeq === seq[i]
      ? window * priorOf(length, matched.includes(QUESTION_TERM), now - created_at)
      : window * priorOf(average, false, now - created_at);
  });
  yield;
  const share = {
    window: WEIGHTS.window / largest(windows),
    own: WEIGHTS.own / largest(own),
    asked: WEIGHTS.asked / largest(asked),
    session: WEIGHTS.session / largest(session),
  };
  const scores = new Float64Array(seq.length);
  for (let i = 0; i < scores.length; i++) {
    if (i % SLICE_MESSAGES === 0) yield;
    const candidate = nearest[i] as Candidate;
    const speaker = candidate.seq === seq[i] ? fitsSpeaker(candidate) : 0;
    scores[i] =
      share.window * (windows[i] as number) +
      share.own * (own[i] as number) +
      share.asked * (asked[i] as number) +
      share.session * (session[i] as number) +
      WEIGHTS.coverage * (coverage[i] as number) +
      WEIGHTS.speaker * speaker +
      WEIGHTS.time * fitsTime(candidate.created_at);
  }
  return scores;
}

/** Inverse document frequency, in the variant that is never negative. */
function weightOf(term: string, { messages, frequency }: Collection): number {
  const documentFrequency = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - documentFrequency + 0.5) / (documentFrequency + 0.5));
}

/** The query-independent relevance of a message: its length, form and age. */
function priorOf(length: number, asks: boolean, age: number): number {
  const lengthPrior =
    (Math.min(length, LENGTH_PRIOR.atMost) + LENGTH_PRIOR.offset) ** LENGTH_PRIOR.exponent;
  const recency = 1 + RECENCY.bonus * 2 ** (-Math.max(0, age) / RECENCY.halfLife);
  return lengthPrior * (asks ? QUESTION_PENALTY : 1) * recency;
}

/** The largest of numbers that are not negative, or 1 if all are 0. */
const largest = (numbers: readonly number[]) =>
  numbers.reduce((most, number) => Math.max(most, number), 0) || 1;

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
