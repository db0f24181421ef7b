/** A key and how well it did: the higher the better. */
export interface FusedKey<K> {
  key: K;
  score: number;
}

/**
 * Merges rankings by reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): a key scores
 * 1 / (k + its rank) in each ranking that has it. The rankings' own scores, which cannot be compared,
 * play no part.
 *
 * @param rankings keys, best first; none of them names a key twice
 * @param k the larger, the less the first places stand out
 * @returns every key once, best first; of equals, the one that stands in the earlier ranking, and
 *   there at the higher place, comes first
 */
export function fuse<K>(rankings: readonly (readonly K[])[], k = 60): FusedKey<K>[] {
  const scores = new Map<K, number>();
  for (const ranking of rankings) {
    for (const [place, key] of ranking.entries()) {
      scores.set(key, (scores.get(key) ?? 0) + 1 / (k + place + 1));
    }
  }
  return [...scores].map(([key, score]) => ({ key, score })).toSorted((a, b) => b.score - a.score);
}

/**
 * Puts what says something new before what repeats what already stands above it, by maximal marginal
 * relevance (Carbonell and Goldstein, SIGIR 1998). The scores are spread over 0 to 1 to be weighed
 * against similarities. Takes `limit` × n similarities at most.
 *
 * @param ranked best first
 * @param similarity of two of them, 1 for the same; 0 where it is not known
 * @param lambda the weight of the score against that of novelty: 1 leaves the order alone
 * @param limit how many places are chosen this way; the others follow in the order they had
 */
export function diversify<T extends { score: number }>(
  ranked: readonly T[],
  similarity: (a: T, b: T) => number,
  { lambda, limit }: { lambda: number; limit: number },
): T[] {
  const lowest = ranked.at(-1)?.score ?? 0;
  const spread = (ranked[0]?.score ?? 0) - lowest || 1;
  const left = ranked.map((entry) => ({
    entry,
    relevance: (entry.score - lowest) / spread,
    nearest: 0,
  }));
  const chosen: T[] = [];
  while (left.length > 0 && chosen.length < limit) {
    let best = 0;
    let bestValue = Number.NEGATIVE_INFINITY;
    for (const [at, { relevance, nearest }] of left.entries()) {
      const value = lambda * relevance - (1 - lambda) * nearest;
      if (value > bestValue) {
        best = at;
        bestValue = value;
      }
    }
    const [taken] = left.splice(best, 1) as [(typeof left)[number]];
    chosen.push(taken.entry);
    if (chosen.length === limit) break;
    for (const other of left) {
      other.nearest = Math.max(other.nearest, similarity(taken.entry, other.entry));
    }
  }
  return [...chosen, ...left.map(({ entry }) => entry)];
}
