import type { DomainError } from '../../../domain/errors.ts';
import { commitError, isBusy, requiresReopen, toDomainError } from './errors.ts';

/** When a batch gives up, writes whose deadline is this near give up with it, in milliseconds. */
const GRACE_MS = 250;

/** At most so many queued writes share one transaction, and so one flush to disk. */
const BATCH_SIZE = 64;

interface QueuedWrite {
  /** When its caller stops waiting, by `performance.now()`. */
  deadline: number;
  work(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** What the queue uses of its connection. */
interface Transactions {
  /** Begins a transaction, waiting for other processes until `deadline`. */
  begin(deadline: number): Promise<void>;
  exec(sql: string): void;
  inTransaction(): boolean;
  /** Ends the transaction, if there is one. Does not throw. */
  rollBack(): void;
  explain(error: unknown): DomainError;
}

/**
 * Commits the writes that are queued as one transaction. Each write has a savepoint of its own, so a
 * write that fails is undone without the others.
 */
export class WriteQueue {
  readonly #transactions: Transactions;
  #queue: QueuedWrite[] = [];
  #flushing: Promise<void> | undefined;

  constructor(transactions: Transactions) {
    this.#transactions = transactions;
  }

  /**
   * @param deadline when its caller stops waiting, by `performance.now()`
   * @returns what `work` returns, once it is on disk
   * @throws DomainError
   */
  enqueue<T>(work: () => T, deadline: number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ work, deadline, resolve: resolve as (value: unknown) => void, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Resolves once the queue is empty. */
  async drained(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH_SIZE);
      try {
        // Later batches wait no longer than their own deadline, whatever earlier batches waited.
        await this.#transactions.begin(batch[0]?.deadline ?? 0);
        this.#commit(batch);
      } catch (error) {
        const late = this.#queue.filter(
          (write) => isBusy(error) && write.deadline < performance.now() + GRACE_MS,
        );
        this.#queue = this.#queue.filter((write) => !late.includes(write));
        const reason = this.#transactions.explain(error);
        for (const write of [...batch, ...late]) write.reject(reason);
      }
      await new Promise(setImmediate);
    }
    this.#flushing = undefined;
  }

  #commit(batch: QueuedWrite[]): void {
    const answers: (() => void)[] = [];
    try {
      for (const write of batch) answers.push(this.#perform(write));
      this.#commitNow();
    } catch (error) {
      this.#transactions.rollBack();
      throw error;
    }
    for (const answer of answers) answer();
  }

  #commitNow(): void {
    try {
      this.#transactions.exec('COMMIT');
    } catch (error) {
      throw commitError(error);
    }
  }

  /** Runs one write of a batch so that its failure does not affect the others. */
  #perform(write: QueuedWrite): () => void {
    const { exec, inTransaction } = this.#transactions;
    exec('SAVEPOINT one');
    try {
      const result = write.work();
      exec('RELEASE one');
      return () => write.resolve(result);
    } catch (error) {
      // A full disk or an I/O error ends the whole transaction, not just this write. On a file that was
      // opened as read-only, no transaction has begun.
      if (!inTransaction() || requiresReopen(error)) throw error;
      exec('ROLLBACK TO one');
      exec('RELEASE one');
      return () => write.reject(toDomainError(error));
    }
  }
}
