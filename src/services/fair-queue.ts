import { DomainError } from '../domain/errors.ts';

/** How much of the capacity one key may take. */
const SHARE = 0.25;

/** How long work may wait for its turn, in milliseconds: shorter than a call may take. */
const WAIT_MAX_MS = 20_000;

interface Waiting {
  begin(): void;
  timer: NodeJS.Timeout;
}

/**
 * Runs work that takes long, a limited number at once. Each key, which stands for a credential, has
 * its share of them; those that wait take turns by key, so that who asks for much waits for himself.
 */
export class FairQueue {
  readonly #running = new Map<string, number>();
  /** In the order in which the keys have their turns. */
  readonly #waiting = new Map<string, Waiting[]>();
  #total = 0;

  /**
   * @param capacity how many may run at once; a key has a quarter of it, but at least one
   * @throws DomainError RESOURCE_EXHAUSTED when the work has not had its turn in time; what `work` throws
   */
  async run<T>(key: string, capacity: number, work: () => Promise<T>): Promise<T> {
    const share = Math.max(1, Math.floor(capacity * SHARE));
    if (this.#total >= capacity || this.#runningOf(key) >= share) await this.#turn(key);
    else this.#enter(key);
    const working = work();
    const leave = () => {
      this.#leave(key);
      while (this.#total < capacity && this.#admitOne(share));
    };
    working.then(leave, (error: unknown) => {
      // The store may be at it still, though it has given up to answer.
      const unfinished = error instanceof DomainError ? error.unfinished : undefined;
      Promise.resolve(unfinished).then(leave, leave);
    });
    return working;
  }

  #turn(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#forget(key, waiting);
        reject(tooMany());
      }, WAIT_MAX_MS);
      const waiting: Waiting = { timer, begin: resolve };
      const others = this.#waiting.get(key);
      if (others === undefined) this.#waiting.set(key, [waiting]);
      else others.push(waiting);
    });
  }

  /** Lets in who waits, the key whose last turn is the longest ago first; `false` if nobody may. */
  #admitOne(share: number): boolean {
    for (const [key, waiting] of this.#waiting) {
      if (this.#runningOf(key) >= share) continue;
      const [next] = waiting as [Waiting];
      this.#forget(key, next);
      // The others of the key have their turn after all other keys.
      const left = this.#waiting.get(key);
      if (left !== undefined) {
        this.#waiting.delete(key);
        this.#waiting.set(key, left);
      }
      clearTimeout(next.timer);
      this.#enter(key);
      next.begin();
      return true;
    }
    return false;
  }

  #forget(key: string, waiting: Waiting): void {
    const left = (this.#waiting.get(key) ?? []).filter((other) => other !== waiting);
    if (left.length === 0) this.#waiting.delete(key);
    else this.#waiting.set(key, left);
  }

  #runningOf(key: string): number {
    return this.#running.get(key) ?? 0;
  }

  #enter(key: string): void {
    this.#running.set(key, this.#runningOf(key) + 1);
    this.#total += 1;
  }

  #leave(key: string): void {
    const left = this.#runningOf(key) - 1;
    if (left === 0) this.#running.delete(key);
    else this.#running.set(key, left);
    this.#total -= 1;
  }
}

function tooMany(): DomainError {
  return new DomainError(
    'RESOURCE_EXHAUSTED',
    `Too many searches and long lists of yours are under way: this one has waited for ${WAIT_MAX_MS / 1000} s and was not begun. Ask for fewer at once, then repeat the call.`,
  );
}
