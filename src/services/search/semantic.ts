import { positionKey, type SeqRange } from '../../domain/positions.ts';
import type { RankedMessage } from '../../search/bm25.ts';
import { EmbeddingError } from '../../search/embeddings/error.ts';
import { similarity } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type { SearchScope, TimeRange } from '../../store/search-port.ts';
import type { Embeddings } from '../dependencies.ts';
import type { SearchNote } from './note.ts';

/** The number of newest messages whose vectors are compared with that of a query. */
const MAX_COMPARED = 5000;

/** The number of these that are ranked: the rest has little to do with the query. */
const MAX_RANKED = 200;

export interface SemanticRanking {
  /** Best first; the score is the cosine similarity. */
  ranked: RankedMessage[];
  ranges: ReadonlyMap<string, SeqRange>;
  vectors: ReadonlyMap<string, Uint8Array>;
  digests: ReadonlyMap<string, string>;
  notes: SearchNote[];
}

/**
 * Ranks messages by the similarity of their vectors to that of a query. Returns no ranking if the
 * endpoint does not answer.
 */
export async function rankSemantically(
  embeddings: Embeddings,
  store: Store,
  namespace: string,
  scope: SearchScope,
  question: string,
  time: TimeRange,
): Promise<SemanticRanking | { unavailable: SearchNote }> {
  let asked: Uint8Array;
  try {
    asked = await embeddings.question(question);
  } catch (error) {
    if (!(error instanceof EmbeddingError)) throw error;
    return { unavailable: { kind: 'embeddings_unavailable', problem: error.problem } };
  }
  const { model } = embeddings;
  const found = await store.vectors.newest(namespace, scope, {
    model,
    limit: MAX_COMPARED,
    ...time,
  });
  const vectors = new Map<string, Uint8Array>();
  const digests = new Map<string, string>();
  const ranked: RankedMessage[] = [];
  for (const { place, digest, vector } of found.vectors) {
    const key = positionKey(place);
    vectors.set(key, vector);
    digests.set(key, digest);
    ranked.push({ place, score: similarity(asked, vector) });
  }
  ranked.sort((a, b) => b.score - a.score);
  return {
    ranked: ranked.slice(0, MAX_RANKED),
    ranges: found.ranges,
    vectors,
    digests,
    notes: notesOn(found.outdated, found.cut),
  };
}

function notesOn(outdated: number, cut: boolean): SearchNote[] {
  return [
    ...(outdated > 0 ? [{ kind: 'other_model', messages: outdated } as const] : []),
    ...(cut ? [{ kind: 'vectors_omitted', compared: MAX_COMPARED } as const] : []),
  ];
}
