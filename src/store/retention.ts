/** How long soft-deleted records are kept, in milliseconds; `undefined` keeps them for ever. */
export type Kept = number | undefined;

export interface RetentionOptions {
  /** What this process is configured with. */
  own: Kept;
  /** For how many milliseconds the registration of this server counts, unless it is renewed. */
  registrationMs: number;
  /** Whether this process purges, as servers and the command do that change something. */
  purges: boolean;
  /** Hears of every change of what holds. */
  onChange?(current: Kept): void;
}

/**
 * How long soft-deleted records of a database are kept. That is one value for all who share it, the
 * longest that any of them is configured with: so nobody ends the undo that another has promised. Every
 * server registers its own value in the database; the store says here what it finds there.
 */
export class Retention {
  readonly own: Kept;
  readonly registrationMs: number;
  readonly #purges: boolean;
  readonly #onChange: (current: Kept) => void;
  #current: Kept;

  constructor({ own, registrationMs, purges, onChange = () => {} }: RetentionOptions) {
    this.own = own;
    this.registrationMs = registrationMs;
    this.#purges = purges;
    this.#onChange = onChange;
    this.#current = own;
  }

  /** What holds, as far as is known: until the store has answered, what this process is configured with. */
  get current(): Kept {
    return this.#current;
  }

  /**
   * Takes what the servers of the database are configured with, and returns what holds. What does not
   * purge has no say where there are servers that do.
   */
  hear(registered: readonly Kept[]): Kept {
    const all = this.#purges || registered.length === 0 ? [...registered, this.own] : registered;
    const longest = all.includes(undefined) ? undefined : Math.max(...(all as number[]));
    if (longest === this.#current) return longest;
    this.#current = longest;
    this.#onChange(longest);
    return longest;
  }
}

/** How a process uses a store. */
export interface StoreUse {
  /** Nothing is written, anywhere. */
  readOnly: boolean;
  /**
   * A server sets the database up, finishes what a crash left half done, and registers how long it
   * keeps deleted records. A command works with what is there.
   */
  server: boolean;
  retention: Retention;
}
