import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from 'mongodb';
import { DomainError } from '../../../domain/errors.ts';
import type { Logger } from '../../../domain/logger.ts';
import { isTransient } from './errors.ts';
import { withTimeout } from './index.ts';

/** How long a call waits for the set-up, which takes some milliseconds unless collections are large. */
const PATIENCE_MS = 3000;

/** The pause before a set-up that lost its connection is continued. */
const RETRY_MS = 1000;

/** How often the log tells that the set-up goes on. */
const REPORT_EVERY_MS = 30_000;

/**
 * Sets up a database once at a time. On large collections, building an index takes longer than a call
 * may: the build goes on, calls are answered that it does, and the log says how far it is.
 */
export class SetUp {
  readonly #info: Logger['info'];
  #running: { done: Promise<void>; startedAt: number } | undefined;

  constructor(info: Logger['info']) {
    this.#info = info;
  }

  /**
   * Runs `work`, or waits for the one that runs already.
   *
   * @throws DomainError UNAVAILABLE if that takes longer; whatever `work` throws
   */
  async run(db: Db, work: () => Promise<void>): Promise<void> {
    const now = Date.now();
    this.#running ??= { done: this.#begin(db, work, now), startedAt: now };
    const { done, startedAt } = this.#running;
    await withTimeout(done, Math.max(0, startedAt + PATIENCE_MS - now), () => {
      throw new DomainError(
        'UNAVAILABLE',
        'MongoDB is building the indexes of this server, and nothing was changed. With many messages that takes minutes. Repeat the call later; the log of the server tells how far it is.',
      );
    });
  }

  async #begin(db: Db, work: () => Promise<void>, startedAt: number): Promise<void> {
    let reported = false;
    const report = async (): Promise<void> => {
      reported = true;
      const seconds = Math.round((Date.now() - startedAt) / 1000);
      const percent = await percentDone(db);
      this.#info('MongoDB builds the indexes of the store', { seconds, percent });
    };
    const first = setTimeout(() => void report(), PATIENCE_MS).unref();
    const timer = setInterval(() => void report(), REPORT_EVERY_MS).unref();
    try {
      await untilDone(work, () => reported);
      if (reported) this.#info('MongoDB has built the indexes of the store');
    } catch (error) {
      const message = 'setting up MongoDB failed, and begins anew with the next call';
      if (reported) this.#info(message, { error });
      throw error;
    } finally {
      clearTimeout(first);
      clearInterval(timer);
      this.#running = undefined;
    }
  }
}

/** The driver waits a minute for an answer. A build goes on without it: asking again waits for its end. */
async function untilDone(work: () => Promise<void>, isLong: () => boolean): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isLong() || !isTransient(error)) throw error;
    }
    await delay(RETRY_MS);
  }
}

/** How far the index builds are, as the server says; `undefined` if it does not. */
async function percentDone(db: Db): Promise<number | undefined> {
  try {
    const { inprog } = await db
      .admin()
      .command({ currentOp: true, $ownOps: true, 'command.createIndexes': { $exists: true } });
    const sums = { done: 0, total: 0 };
    for (const { progress } of inprog) {
      sums.done += progress?.done ?? 0;
      sums.total += progress?.total ?? 0;
    }
    return sums.total === 0 ? undefined : Math.floor((100 * sums.done) / sums.total);
  } catch {
    return undefined;
  }
}
