import { type MessagePosition, positionKey } from '../domain/positions.ts';
import type { Steps } from './analyzer.ts';
import type { RankedMessage } from './bm25.ts';

/** A message that was compared with a query by meaning. */
export interface ComparedMessage {
  place: MessagePosition;
  /** The cosine of its vector and the query's. */
  similarity: number;
}

/** The weights of the turn before a message and of the turn after it, the reply, relative to its own weight of 1. */
const NEIGHBOURS = { before: 0.2, after: 0.4 };

/** The score of a similarity that is one standard deviation above the mean. */
const SIMILARITY_WEIGHT = 0.65;

/**
 * An endpoint is trusted if its similarities make sense: fully from `full` on, and not up to `none`. Few
 * messages tell little: `expected` counts as much as `prior` of them.
 */
const TRUST = { none: 0.12, full: 0.2, expected: 0.3, prior: 15 };

/** The least trust by which messages that are found by meaning alone are ordered. */
const LEAST_TRUST = 0.001;

/** In a chat, the turn after the next is by the same speaker, and on the same subject. */
const SAME_SPEAKER = 2;

/** A smaller standard deviation is the rounding of numbers that are the same. */
const LEAST_DEVIATION = 1e-6;

/** Messages per slice, which take about half a millisecond. */
const SLICE_MESSAGES = 512;

/**
 * Adds what messages mean to a ranking by words. A similarity counts by how far it stands out among all
 * compared messages, because cosines of different models lie in different ranges, and together with those of
 * the turns next to it.
 *
 * How much it counts depends on the endpoint: the similarities of a useful one are higher where words match,
 * and alike in turns on the same subject. If neither is so, the ranking stays that of the words.
 *
 * @param limit the number of most similar messages that may be added if the words did not find them
 * @param known the meanings of the compared messages, if they were computed before
 * @returns every message once, best first
 */
export function* fuse(
  words: readonly RankedMessage[],
  compared: readonly ComparedMessage[],
  limit: number,
  known?: Meanings,
): Steps<RankedMessage[]> {
  const { similarities, meanings } = known ?? (yield* meaningsOf(compared));
  const following: [number, number][] = [];
  for (const [i, { place, similarity }] of compared.entries()) {
    if (i % SLICE_MESSAGES === 0) yield;
    const next = turnsOf(similarities, place)(SAME_SPEAKER);
    if (next !== undefined) following.push([similarity, next]);
  }
  const matching: [number, number][] = [];
  const found = new Set<string>();
  for (const { place, match } of words) {
    const key = positionKey(place);
    found.add(key);
    const similarity = similarities.get(key);
    if (similarity !== undefined) matching.push([match, similarity]);
  }
  yield;
  const { mean, deviation } = spreadOf([...meanings.values()]);
  const trust = trustIn(correlation(matching), correlation(following));
  const meaningOf = (key: string) =>
    deviation === 0 ? 0 : (SIMILARITY_WEIGHT * ((meanings.get(key) ?? mean) - mean)) / deviation;
  // Without trust, messages that have no query word come last. Nothing else orders them.
  const base = (1 - trust) * Math.min(0, words.at(-1)?.score ?? 0);
  const others = mostSimilar(compared, limit, { similarities, meanings })
    .filter(({ place }) => !found.has(positionKey(place)))
    .map(({ place }): RankedMessage => {
      const score = base + Math.max(trust, LEAST_TRUST) * meaningOf(positionKey(place));
      return { place, score, match: 0 };
    });
  yield;
  return words
    .map((one) => ({ ...one, score: one.score + trust * meaningOf(positionKey(one.place)) }))
    .concat(others)
    .sort((a, b) => b.score - a.score);
}

/** The similarities of the turns around a message, by distance. */
const turnsOf =
  (similarities: ReadonlyMap<string, number>, { session_uuid, seq }: MessagePosition) =>
  (distance: number) =>
    similarities.get(positionKey({ session_uuid, seq: seq + distance }));

/** The similarities of compared messages, by position. */
export interface Meanings {
  similarities: ReadonlyMap<string, number>;
  /** Each together with those of the turns next to it. */
  meanings: ReadonlyMap<string, number>;
}

export function* meaningsOf(compared: readonly ComparedMessage[]): Steps<Meanings> {
  const similarities = new Map(
    compared.map(({ place, similarity }) => [positionKey(place), similarity]),
  );
  const meanings = new Map<string, number>();
  for (const [i, { place, similarity }] of compared.entries()) {
    if (i % SLICE_MESSAGES === 0) yield;
    const turn = turnsOf(similarities, place);
    meanings.set(positionKey(place), withNeighbours(similarity, turn(-1), turn(1)));
  }
  return { similarities, meanings };
}

/** The messages that are most similar to a query, together with the turns next to them; the best first. */
export function mostSimilar(
  compared: readonly ComparedMessage[],
  limit: number,
  { meanings }: Meanings,
): ComparedMessage[] {
  return compared
    .map((one) => ({ one, meaning: meanings.get(positionKey(one.place)) as number }))
    .sort((a, b) => b.meaning - a.meaning)
    .slice(0, limit)
    .map(({ one }) => one);
}

/** The weighted mean of similarities, of which those of the neighbours may be missing. */
function withNeighbours(own: number, before: number | undefined, after: number | undefined) {
  let [sum, total] = [own, 1];
  if (before !== undefined)
    [sum, total] = [sum + NEIGHBOURS.before * before, total + NEIGHBOURS.before];
  if (after !== undefined)
    [sum, total] = [sum + NEIGHBOURS.after * after, total + NEIGHBOURS.after];
  return sum / total;
}

interface Correlation {
  /** Pearson's coefficient; 0 if it is not defined. */
  coefficient: number;
  /** How many pairs it was computed from. */
  pairs: number;
}

/** How much to trust an endpoint, 0 to 1, by how its similarities go with words and with each other. */
function trustIn(...correlations: readonly Correlation[]): number {
  const { expected, prior, none, full } = TRUST;
  const evidence = correlations
    .filter(({ pairs }) => pairs > 0)
    .map(({ coefficient, pairs }) => (pairs * coefficient + prior * expected) / (pairs + prior));
  if (evidence.length === 0) return 1;
  return Math.min(1, Math.max(0, (spreadOf(evidence).mean - none) / (full - none)));
}

function correlation(pairs: readonly [number, number][]): Correlation {
  const x = spreadOf(pairs.map(([one]) => one));
  const y = spreadOf(pairs.map(([, other]) => other));
  if (x.deviation === 0 || y.deviation === 0) return { coefficient: 0, pairs: 0 };
  const products = pairs.map(([one, other]) => (one - x.mean) * (other - y.mean));
  return {
    coefficient: spreadOf(products).mean / (x.deviation * y.deviation),
    pairs: pairs.length,
  };
}

function spreadOf(numbers: readonly number[]): { mean: number; deviation: number } {
  if (numbers.length === 0) return { mean: 0, deviation: 0 };
  const mean = numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
  const squares = numbers.reduce((sum, n) => sum + (n - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / numbers.length);
  return { mean, deviation: deviation < LEAST_DEVIATION ? 0 : deviation };
}

/**
 * Reorders a ranking for diversity by maximal marginal relevance (Carbonell and Goldstein, SIGIR
 * 1998). Scores are scaled to 0 to 1, so that they can be weighed against similarities. Computes at
 * most `limit` × n similarities.
 *
 * @param ranked best first
 * @param similarity the similarity of two entries: 1 for identical ones, 0 where it is unknown
 * @param lambda the weight of relevance against novelty; 1 keeps the order
 * @param limit the number of entries chosen this way; the others follow in their original order
 */
export function diversify<T extends { score: number }>(
  ranked: readonly T[],
  similarity: (a: T, b: T) => number,
  { lambda, limit }: { lambda: number; limit: number },
): T[] {
  const lowest = ranked.at(-1)?.score ?? 0;
  const spread = (ranked[0]?.score ?? 0) - lowest || 1;
  const remaining = ranked.map((entry) => ({
    entry,
    relevance: (entry.score - lowest) / spread,
    nearest: 0,
  }));
  const chosen: T[] = [];
  while (remaining.length > 0 && chosen.length < limit) {
    let best = 0;
    let bestValue = Number.NEGATIVE_INFINITY;
    for (const [index, { relevance, nearest }] of remaining.entries()) {
      const value = lambda * relevance - (1 - lambda) * nearest;
      if (value > bestValue) {
        best = index;
        bestValue = value;
      }
    }
    const [selected] = remaining.splice(best, 1) as [(typeof remaining)[number]];
    chosen.push(selected.entry);
    if (chosen.length === limit) break;
    for (const other of remaining) {
      other.nearest = Math.max(other.nearest, similarity(selected.entry, other.entry));
    }
  }
  return [...chosen, ...remaining.map(({ entry }) => entry)];
}
