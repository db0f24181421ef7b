/** A key and its fused score; higher is better. */
export interface FusedKey<K> {
  key: K;
  score: number;
}

/**
 * Merges rankings by reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009): a key
 * scores 1 / (k + its rank) in each ranking that contains it. The rankings' own scores are not
 * comparable and are ignored.
 *
 * @param rankings keys, best first; no ranking contains a key twice
 * @param k the larger, the smaller the advantage of the top ranks
 * @returns every key once, best first; equal scores are ordered by the earliest ranking that
 *   contains the key, then by its rank there
 */
export function fuse<K>(rankings: readonly (readonly K[])[], k = 60): FusedKey<K>[] {
  const scores = new Map<K, number>();
  for (const ranking of rankings) {
    for (const [rank, key] of ranking.entries()) {
      scores.set(key, (scores.get(key) ?? 0) + 1 / (k + rank + 1));
    }
  }
  return [...scores].map(([key, score]) => ({ key, score })).toSorted((a, b) => b.score - a.score);
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
