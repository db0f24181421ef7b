import type { Logger } from '../../domain/logger.ts';
import type { Identity } from '../transport.ts';

/** The interval between checks of a stream's credential. */
const CHECK_EVERY_MS = 1000;

/** A stream that outlives the request that was authenticated. */
export interface WatchedStream {
  /** The caller that may use it. Replaced when the same caller presents a newer credential. */
  identity: Identity;
  end(): void;
}

/**
 * Watches the open streams of one endpoint and ends each when its credential is no longer valid.
 */
export class StreamWatcher {
  readonly #open = new Set<WatchedStream>();
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Watches a stream until the returned function is called. */
  watch(stream: WatchedStream): () => void {
    this.#open.add(stream);
    this.#timer ??= setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
    return () => {
      this.#open.delete(stream);
      if (this.#open.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  #check(): void {
    for (const stream of this.#open) {
      stream.identity
        .holds()
        .then((holds) => {
          if (!holds) stream.end();
        })
        .catch((error: unknown) => this.#logger.warn('credential not checked', { error }));
    }
  }
}
