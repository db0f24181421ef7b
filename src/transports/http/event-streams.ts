import type { Logger } from '../../domain/logger.ts';
import type { Identity } from '../transport.ts';

/** How soon a stream ends once its credential is revoked or expires, in milliseconds. */
const CHECK_EVERY_MS = 1000;

/** A stream that stays open beyond the request that was authenticated. */
export interface OpenStream {
  /** Who may use it; replaced when the same caller comes with a newer credential. */
  identity: Identity;
  end(): void;
}

/** The open streams of one way in, each of which ends when its credential is no longer good. */
export class Streams {
  readonly #open = new Set<OpenStream>();
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Watches over a stream until the returned function is called. */
  keep(stream: OpenStream): () => void {
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
