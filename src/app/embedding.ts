import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import type { MessagePosition } from '../domain/positions.ts';
import type { Embedder } from '../search/embeddings/embedder.ts';
import type { Embeddings } from '../services/dependencies.ts';
import type { Store } from '../store/port.ts';

/** How long a search waits for the embedding of its query, in milliseconds. */
const QUERY_TIMEOUT_MS = 2000;

/** Identifies a queued message, and the content that its vector is for. */
interface EmbeddingKey {
  namespace: string;
  place: MessagePosition;
  digest: string;
}

/** Creates the configured embedder; `undefined` if none is configured. */
export async function openEmbedder(config: Config): Promise<Embedder | undefined> {
  const { embeddingsUrl: url, embeddingsModel: model, embeddingsApiKey: apiKey } = config;
  if (url === undefined || model === undefined) return undefined;
  const { createEmbedder } = await import('../search/embeddings/embedder.ts');
  return createEmbedder({ url, model, apiKey });
}

/**
 * Creates a queue that embeds messages and stores their vectors.
 *
 * @param store returns the store for the vectors
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
    /** Adds messages to the queue. Each vector is only valid for the content given here. */
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
 * Starts the embedding of new messages and of search queries.
 *
 * @returns `undefined` if no embeddings API is configured
 */
export async function startEmbedding(
  config: Config,
  store: () => Promise<Store>,
  logger: Logger,
): Promise<(Embeddings & { close(graceMs: number): Promise<void> }) | undefined> {
  const embedder = await openEmbedder(config);
  if (embedder === undefined) return undefined;
  const { quantize } = await import('../search/vectors.ts');
  const queue = await openEmbeddingQueue(embedder, store, logger);
  return {
    model: embedder.model,
    offer: (namespace, messages) =>
      queue.offerMessages(messages.map((message) => ({ namespace, ...message }))),
    async question(text) {
      const [vector] = await embedder.embed([text], AbortSignal.timeout(QUERY_TIMEOUT_MS));
      return quantize(vector as Float32Array);
    },
    close: queue.close,
  };
}
