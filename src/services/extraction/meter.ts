import { setTimeout as sleep } from 'node:timers/promises';
import { type Limits, MINUTE_MS, type Usage, usageAt, waitMs } from './budget.ts';
import type { BatchProblem, BatchResult, Turns } from './extract.ts';
import type { HeldLease } from './lease.ts';

/** Today's tokens are used up. */
export class BudgetSpent extends Error {
  constructor() {
    super('the tokens of today are used up');
    this.name = 'BudgetSpent';
  }
}

/** Holds calls within their limits, and counts what they used, together with the lease. */
export class Meter implements Turns {
  readonly #lease: HeldLease;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #signal: AbortSignal;
  #usage: Usage;

  constructor(lease: HeldLease, limits: Limits, now: () => number, signal: AbortSignal) {
    this.#lease = lease;
    this.#limits = limits;
    this.#now = now;
    this.#signal = signal;
    this.#usage = usageAt(lease.state, now());
  }

  /** @throws BudgetSpent if no call may be made any more today; LeaseLost */
  async begin(tokens: number): Promise<void> {
    for (;;) {
      const now = this.#now();
      this.#usage = usageAt({ ...this.#usage }, now);
      const wait = waitMs(this.#usage, this.#limits, tokens, now);
      if (wait > MINUTE_MS) throw new BudgetSpent();
      if (wait === 0) break;
      await sleep(wait, undefined, { signal: this.#signal });
    }
    this.#usage.calls++;
    this.#usage.minute_calls++;
    this.#usage.tokens += tokens;
    // Before the call: what a crash interrupts was used, too.
    await this.save();
  }

  end(estimated: number, tokens: number): void {
    this.#usage.tokens += tokens - estimated;
  }

  wrong(_: BatchProblem): void {
    this.#usage.wrong++;
  }

  /** Counts a batch. */
  async read({ facts, dropped }: BatchResult): Promise<void> {
    this.#usage.batches++;
    this.#usage.facts += facts;
    if (dropped !== undefined) this.#usage.dropped++;
    await this.save();
  }

  /** @throws LeaseLost */
  save(): Promise<void> {
    return this.#lease.save({ ...this.#usage });
  }
}
