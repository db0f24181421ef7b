import type { MessagePosition, SeqRange } from '../domain/positions.ts';
import { finish, QUESTION_TERM, type Steps } from './analyzer.ts';
import type { Candidate } from './candidate.ts';
import { namedTimes, timeFit } from './dates.ts';
import { speakerFit } from './speaker.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import { strengthOf } from './weak-terms.ts';

export type { Candidate };

export interface RankedMessage {
  place: MessagePosition;
  score: number;
  /** How well its own words match, as a share of the best: 0 if it has no query term. */
  match: number;
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

/** Longer messages are more often relevant, up to this many terms. */
const LENGTH_PRIOR = { exponent: 0.3, atMost: 40, offset: 3 };

/** The penalty of a question: it contains the words of its answer, but is not the answer. */
const QUESTION_PENALTY = 0.8;

/** The bonus of a message of today over an old one. It halves in a month. */
const RECENCY = { bonus: 0.1, halfLife: 30 * 86_400_000 };

/**
 * What a message is judged by. Each feature is between 0 and 1, those of BM25 as shares of the best of all
 * messages, except for `speaker`: 1 for the speaker asked about, -1 for another.
 */
export interface Features {
  /** BM25 of the message with its neighbours, and its length, form and age. */
  window: number;
  own: number;
  /** BM25 of the question that it follows. */
  asked: number;
  /** The best BM25 in its session. */
  session: number;
  /** How much of the query, by weight, the message and its neighbours contain. */
  coverage: number;
  speaker: number;
  /** How well its time fits a time that is named. */
  time: number;
}

/**
 * The weights of the features: of a log-linear model that was fitted on questions with known answers
 * (bench/search-quality.mjs).
 */
export const WEIGHTS: Features = {
  ...{ window: 2.5, own: 1, asked: 1.2, session: 1.2, coverage: 2.6, speaker: 1.3, time: 2.8 },
};

/**
 * Ranks messages by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009)
 * of each message, of its surroundings, and by what else the question tells of its answer: who said it, and
 * when.
 *
 * @param ranges the range of live messages of each candidate's session, by session uuid
 * @param now milliseconds since 1970
 * @returns all candidates and their neighbours, best first; on equal scores the newest first
 */
export function* rankInSteps(
  candidates: readonly Candidate[],
  terms: readonly string[],
  statistics: Statistics,
  ranges: ReadonlyMap<string, SeqRange>,
  now: number,
  question = '',
): Steps<RankedMessage[]> {
  const average = mean(candidates.map(({ length }) => length)) || 1;
  const weights = terms.map((term) => weightOf(term, statistics) * strengthOf(term));
  const all = yield* surroundingsOf(candidates, terms, weights, average, ranges);
  const features = featuresOf(all, candidates, average, now, question);
  yield;
  const ranked = all.map((one, i) => ({
    place: { ...placeOf(one.nearest), seq: one.seq },
    score: scoreOf(features[i] as Features),
    match: (features[i] as Features).own,
    created_at: one.nearest.created_at,
    ...(one.candidate !== undefined && { candidate: one.candidate }),
  }));
  yield;
  return ranked.sort(
    (a, b) =>
      b.score - a.score ||
      b.created_at - a.created_at ||
      compare(a.place.session_id, b.place.session_id) ||
      b.place.seq - a.place.seq,
  );
}

/** Like `rankInSteps`, but without pauses. */
export function rank(...args: Parameters<typeof rankInSteps>): RankedMessage[] {
  return finish(rankInSteps(...args));
}

/** The features of each message. */
export function featuresOf(
  all: readonly Surroundings[],
  candidates: readonly Candidate[],
  average: number,
  now: number,
  question: string,
): Features[] {
  const fitsSpeaker = speakerFit(question, candidates);
  const years = new Set(candidates.map(({ created_at }) => new Date(created_at).getUTCFullYear()));
  const times = namedTimes(question, now, [...years]);
  const features = all.map((one): Features => {
    const { candidate, nearest } = one;
    const length = candidate?.length ?? average;
    const asks = candidate?.matched.includes(QUESTION_TERM) === true;
    const { created_at } = nearest;
    return {
      window: one.window * priorOf(length, asks, created_at, now),
      ...{ own: one.own, asked: one.asked, session: one.session },
      coverage: one.coverage,
      speaker: candidate === undefined ? 0 : fitsSpeaker(candidate),
      time: times.length === 0 ? 0 : timeFit(created_at, times),
    };
  });
  for (const name of RELATIVE) {
    const best = features.reduce((most, one) => Math.max(most, one[name]), 0) || 1;
    for (const one of features) one[name] /= best;
  }
  return features;
}

/** The features that are shares of the best. */
const RELATIVE = ['window', 'own', 'asked', 'session'] as const;

const NAMES = Object.keys(WEIGHTS) as (keyof Features)[];

function scoreOf(features: Features): number {
  let score = 0;
  for (const name of NAMES) score += WEIGHTS[name] * features[name];
  return score;
}

const placeOf = ({ session_id, session_uuid, seq }: Candidate): MessagePosition => ({
  ...{ session_id, session_uuid, seq },
});

/** Inverse document frequency, in the variant that is never negative. */
export function weightOf(term: string, { messages, frequency }: Statistics): number {
  const documentFrequency = Math.min(frequency.get(term) ?? 0, messages);
  return Math.log(1 + (messages - documentFrequency + 0.5) / (documentFrequency + 0.5));
}

/** The query-independent relevance of a message: its length, form and age. */
function priorOf(length: number, asks: boolean, created_at: number, now: number): number {
  const lengthPrior =
    (Math.min(length, LENGTH_PRIOR.atMost) + LENGTH_PRIOR.offset) ** LENGTH_PRIOR.exponent;
  const age = Math.max(0, now - created_at);
  const recency = 1 + RECENCY.bonus * 2 ** (-age / RECENCY.halfLife);
  return lengthPrior * (asks ? QUESTION_PENALTY : 1) * recency;
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
