import { positionKey } from '../../domain/positions.ts';
import type { RankedMessage } from '../../search/bm25.ts';
import { diversify, fuse, meaningsOf, mostSimilar } from '../../search/fusion.ts';
import { similarity } from '../../search/vectors.ts';
import { runInSlices } from '../event-loop.ts';
import type { LexicalRanking } from './lexical.ts';
import type { SearchNote } from './note.ts';
import type { Ranking } from './results.ts';
import type { Comparison } from './semantic.ts';

/**
 * For diverse hits: the weight of relevance against novelty, the number of hits that are chosen
 * this way, and the number of top messages that they are chosen from.
 */
const DIVERSITY = { lambda: 0.7, limit: 50, among: 200 };

/** The most messages that are found by meaning alone: the rest has little to do with the query. */
const ADDED_BY_MEANING = 200;

/** A ranking, by what it was made, and what it left out. */
export interface CombinedRanking extends Ranking {
  /** `lexical`: terms only. `hybrid`: terms and embeddings. */
  mode: 'lexical' | 'hybrid';
  notes: readonly SearchNote[];
}

/**
 * Adds the comparison by meaning to the ranking by words. Without one, the latter is returned.
 *
 * @param isFurther whether an earlier window had those that are found by meaning
 */
export async function combined(
  words: LexicalRanking,
  meaning: Comparison | { unavailable: SearchNote } | undefined,
  diverse: boolean,
  isFurther: boolean,
): Promise<CombinedRanking> {
  if (meaning === undefined || 'unavailable' in meaning) {
    const notes = meaning === undefined ? words.notes : [...words.notes, meaning.unavailable];
    return { ...words, digests: new Map(), similar: new Set(), mode: 'lexical', notes };
  }
  const { compared } = meaning;
  const meanings = await runInSlices(meaningsOf(compared));
  const similar = mostSimilar(compared, ADDED_BY_MEANING, meanings);
  const isSimilar = new Set(similar.map(({ place }) => positionKey(place)));
  if (isFurther) {
    const ranked = words.ranked.filter(({ place }) => !isSimilar.has(positionKey(place)));
    return { ...words, ranked, digests: new Map(), similar: new Set(), mode: 'hybrid' };
  }
  const fused = await runInSlices(fuse(words.ranked, compared, ADDED_BY_MEANING, meanings));
  // A lexical match is a hit, whether or not its vector is stale.
  const digests = new Map(meaning.digests);
  for (const { place } of words.ranked) digests.delete(positionKey(place));
  return {
    similar: isSimilar,
    ranked: diverse ? diversified(fused, meaning.vectors) : fused,
    ranges: new Map([...words.ranges, ...meaning.ranges]),
    terms: words.terms,
    digests,
    mode: 'hybrid',
    notes: [...words.notes, ...meaning.notes],
  };
}

/** Moves near-duplicates further back among the best hits. */
function diversified(
  ranked: readonly RankedMessage[],
  vectors: Comparison['vectors'],
): RankedMessage[] {
  const head = ranked.slice(0, DIVERSITY.among).map(({ score, ...one }) => {
    return { score, one, vector: vectors.get(positionKey(one.place)) };
  });
  const alike = (a: (typeof head)[number], b: (typeof head)[number]) =>
    a.vector === undefined || b.vector === undefined ? 0 : similarity(a.vector, b.vector);
  const chosen = diversify(head, alike, DIVERSITY).map(({ score, one }) => ({ score, ...one }));
  return [...chosen, ...ranked.slice(DIVERSITY.among)];
}
