/**
 * Lets the writers of one document in this process run one after the other. The server would accept one
 * of them and turn the others back, to try again and again. Writers in other processes still conflict
 * in the server; there are few of them.
 *
 * By hand: async-mutex has no lock by key, so that the map below and its clean-up would remain.
 */
export class KeyedMutex {
  /** For each key, settles when the last caller so far has finished. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier callers with the same key have finished. */
  runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const running = before.then(() => work());
    const tail = running
      .catch(() => undefined)
      .then(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return running;
  }
}
