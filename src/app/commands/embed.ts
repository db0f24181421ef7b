import { DomainError } from '../../domain/errors.ts';
import type { Logger } from '../../domain/logger.ts';
import type { Embedder } from '../../search/embeddings/embedder.ts';
import type { Store } from '../../store/port.ts';
import { openEmbedder, openEmbeddingQueue } from '../embedding.ts';
import { lazyStore } from '../open-store.ts';
import { commandUse } from '../store-use.ts';
import type { Invocation } from './command.ts';
import { configure } from './configured.ts';

/** How many messages are read and embedded together. */
const PAGE_SIZE = 100;

/** Time limit for one page, in milliseconds. An embeddings API that is down ends the page sooner. */
const PAGE_TIMEOUT_MS = 3_600_000;

/**
 * The command `embed`: embeds every message that has no vector of the configured model, in all namespaces.
 * Run again, it continues where it stopped. Messages added meanwhile are embedded by the server that adds
 * them.
 *
 * @throws ConfigError when a setting is wrong; DomainError UNAVAILABLE when messages are left without a
 *   vector; what the store throws
 */
export async function runEmbed(invocation: Invocation): Promise<void> {
  const { config, logger } = await configure(invocation);
  const embedder = await openEmbedder(config);
  if (embedder === undefined) return;
  const store = lazyStore(config, logger, commandUse(config, false));
  const report = (text: string) => void invocation.stdout.write(text);
  try {
    await embedNow(await store.get(), embedder, logger, report);
  } finally {
    await store.close();
  }
}

async function embedNow(
  store: Store,
  embedder: Embedder,
  logger: Logger,
  report: (text: string) => void,
): Promise<void> {
  let embedded = 0;
  let skipped = 0;
  let after: string | undefined;
  do {
    const { messages, next } = await store.vectors.unembedded(embedder.model, after, PAGE_SIZE);
    const texts = messages.filter(({ content }) => content.trim() !== '');
    if (texts.length > 0) {
      const queue = await openEmbeddingQueue(embedder, async () => store, logger);
      queue.offerMessages(texts);
      await queue.close(PAGE_TIMEOUT_MS);
      const { queued, dropped } = queue.state();
      embedded += texts.length - queued - dropped;
      skipped += dropped;
      report(`embedded ${embedded} messages\n`);
      if (queued > 0) {
        throw new DomainError(
          'UNAVAILABLE',
          'The embeddings API did not answer: the log says why. Run the command again; it continues from here.',
        );
      }
    }
    after = next;
  } while (after !== undefined);
  if (skipped > 0) {
    throw new DomainError(
      'UNAVAILABLE',
      `${skipped} messages have no vector: the log says why. Fix that, then run the command again.`,
    );
  }
  report(`Done: every message that existed at the start has a vector of ${embedder.model}.\n`);
}
