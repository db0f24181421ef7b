import type { SessionRef } from './access-scope.ts';

/**
 * Lets those who want to write one document go one after the other. The server would let one of them
 * through and turn the others back, to try again and again. Other processes still meet it that way,
 * but of those there are few; and on one session, callers pinned to its user and others.
 */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everybody before has finished who came with the same key. */
  runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(() => work());
    const done = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(key) === done) this.#last.delete(key);
      });
    this.#last.set(key, done);
    return turn;
  }
}

/** The key of those who write a session: nobody waits for what is out of their reach. */
export const sessionLockKey = ({ namespace, session_id, user_id = '' }: SessionRef) =>
  JSON.stringify([namespace, session_id, user_id]);

/** The key of those who write a user, or add a session under one. */
export const userLockKey = (namespace: string, user_id: string) =>
  JSON.stringify([namespace, user_id]);
