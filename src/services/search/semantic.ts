import { positionKey, type RankedMessage } from '../../search/bm25.ts';
import { EmbeddingError, type EmbeddingProblem } from '../../search/embeddings/error.ts';
import { similarity } from '../../search/vectors.ts';
import type { Store } from '../../store/port.ts';
import type { SearchScope, SeqRange, TimeRange } from '../../store/search-port.ts';
import type { Embeddings } from '../dependencies.ts';

/** How many messages are compared with a question, the newest. */
const MAX_COMPARED = 5000;

/** How many of them are ranked: what comes behind has little to do with the question. */
const MAX_RANKED = 200;

/** What a search by meaning came to. */
export interface SemanticRanking {
  /** The nearest first, with the cosine for a score. */
  ranked: RankedMessage[];
  ranges: ReadonlyMap<string, SeqRange>;
  vectors: ReadonlyMap<string, Uint8Array>;
  digests: ReadonlyMap<string, string>;
  /** What was not compared, and how to get at it. */
  advice: string[];
}

const PROBLEMS: Record<EmbeddingProblem, string> = {
  unreachable: 'cannot be reached',
  timeout: 'does not answer in time',
  overloaded: 'has too much to do',
  failing: 'fails',
  unauthorized: 'refuses the API key',
  misconfigured: 'does not know the model',
  refused: 'refuses the query',
  invalid_answer: 'answers with something that is no vector',
};

/**
 * Ranks messages by how near their meaning is to a question's. Without the endpoint there is nothing
 * to rank, and the advice says so.
 */
export async function rankSemantically(
  embeddings: Embeddings,
  store: Store,
  namespace: string,
  scope: SearchScope,
  question: string,
  time: TimeRange,
): Promise<SemanticRanking | { unavailable: string }> {
  let asked: Uint8Array;
  try {
    asked = await embeddings.question(question);
  } catch (error) {
    if (!(error instanceof EmbeddingError)) throw error;
    return {
      unavailable: `Only words were looked for, since the embeddings endpoint ${PROBLEMS[error.problem]}. Repeat the search later to look for meaning too.`,
    };
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
    advice: adviceOn(found.outdated, found.cut),
  };
}

function adviceOn(outdated: number, cut: boolean): string[] {
  return [
    ...(outdated > 0
      ? [
          `${outdated} messages were not compared by meaning: their vectors are of another model. Whoever runs the server makes new ones with mcp-sessions embed.`,
        ]
      : []),
    ...(cut ? [`By meaning, only the newest ${MAX_COMPARED} messages were compared.`] : []),
  ];
}
