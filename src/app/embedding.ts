import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import type { MessagePosition } from '../domain/positions.ts';
import type { Embedder } from '../search/embeddings/embedder.ts';
import type { Embeddings } from '../services/dependencies.ts';
import type { Store } from '../store/port.ts';

/** How long a search waits for the vector of its question, in milliseconds. */
const QUESTION_MS = 2000;

/** A message in the queue: what its vector is stored under. */
interface EmbeddingKey {
  namespace: string;
  place: MessagePosition;
  digest: string;
}

/** The embedder that is configured, if one is. */
export async function openEmbedder(config: Config): Promise<Embedder | undefined> {
  const { embeddingsUrl: url, embeddingsModel: model, embeddingsApiKey: apiKey } = config;
  if (url === undefined || model === undefined) return undefined;
  const { createEmbedder } = await import('../search/embeddings/embedder.ts');
  return createEmbedder({ url, model, apiKey });
}

/**
 * A queue that embeds messages and keeps their vectors.
 *
 * @param store opens the store that they are kept in
 */
export async function openEmbeddingQueue(
  embedder: Embedder,
  store: () => Promise<Store>,
  logger: Logger,
) {
  const { createEmbeddingQueue } = await import('../search/embeddings/queue.ts');
  const { digestOf, quantize } = await import('../search/vectors.ts');
  const queue = createEmbeddingQueue<EmbeddingKey>({
    embedder,
    async store(batch) {
      const { vectors } = await store();
      await vectors.put(
        embedder.model,
        batch.map(({ key, vector }) => ({ ...key, vector: quantize(vector) })),
      );
    },
    onProblem: ({ kind, message, error }) => logger.warn(message, { kind, error }),
  });
  return {
    ...queue,
    /** Takes messages, each to be found by what it says now. */
    offerMessages(
      messages: readonly { namespace: string; place: MessagePosition; content: string }[],
    ) {
      queue.offer(
        messages.map(({ namespace, place, content }) => ({
          key: { namespace, place, digest: digestOf(content) },
          text: content,
        })),
      );
    },
  };
}

/**
 * Starts what compares texts by their meaning.
 *
 * @returns nothing if no endpoint is configured
 */
export async function startEmbedding(
  config: Config,
  store: () => Promise<Store>,
  logger: Logger,
): Promise<(Embeddings & { close(grace: number): Promise<void> }) | undefined> {
  const embedder = await openEmbedder(config);
  if (embedder === undefined) return undefined;
  const { quantize } = await import('../search/vectors.ts');
  const queue = await openEmbeddingQueue(embedder, store, logger);
  return {
    model: embedder.model,
    offer: (namespace, messages) =>
      queue.offerMessages(messages.map((message) => ({ namespace, ...message }))),
    async question(text) {
      const [vector] = await embedder.embed([text], AbortSignal.timeout(QUESTION_MS));
      return quantize(vector as Float32Array);
    },
    close: queue.close,
  };
}
