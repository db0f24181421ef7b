import { DomainError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Embedder } from '../../search/embeddings/embedder.ts';
import type { Store } from '../../store/port.ts';
import { openEmbeddingQueue } from '../embedding.ts';

/** How many messages are looked at together. */
const PAGE = 100;

/** How long a page may take, in milliseconds: an endpoint that is down ends it sooner. */
const PAGE_MS = 3_600_000;

/**
 * Embeds every message that has no vector of the model, in all namespaces. It can be repeated, and
 * goes on where it stopped. What is added meanwhile is for the server to embed that adds it.
 *
 * @param report takes what a person is to read, a line at a time
 * @throws DomainError UNAVAILABLE when messages are left
 */
export async function embedNow(
  store: Store,
  embedder: Embedder,
  logger: Logger,
  report: (text: string) => void,
): Promise<void> {
  let embedded = 0;
  let skipped = 0;
  let after: string | undefined;
  do {
    const { messages, next } = await store.vectors.unembedded(embedder.model, after, PAGE);
    const texts = messages.filter(({ content }) => content.trim() !== '');
    if (texts.length > 0) {
      const queue = await openEmbeddingQueue(embedder, async () => store, logger);
      queue.offerMessages(texts);
      await queue.close(PAGE_MS);
      const { queued, dropped } = queue.state();
      embedded += texts.length - queued - dropped;
      skipped += dropped;
      report(`embedded ${embedded} messages\n`);
      if (queued > 0) {
        throw new DomainError(
          'UNAVAILABLE',
          'The embeddings endpoint did not answer: the log says why. Run the command again; it goes on from here.',
        );
      }
    }
    after = next;
  } while (after !== undefined);
  if (skipped > 0) {
    throw new DomainError(
      'UNAVAILABLE',
      `${skipped} messages have no vector: the log says why. Run the command again when that is mended.`,
    );
  }
  report(`Done: every message that was there when this began has a vector of ${embedder.model}.\n`);
}
