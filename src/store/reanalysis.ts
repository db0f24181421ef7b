import type { Logger } from '../domain/logger.ts';
import { ANALYSIS_VERSION, analyseMessage } from '../search/analyzer.ts';

/** How many messages are analysed anew at once. Each may have a megabyte. */
const BATCH_SIZE = 20;

/** The most time that analysing may block the event loop, in milliseconds. */
const SLICE_MS = 5;

/** When to look again: while others analyse, and for what an older server may have written since. */
const LOOK_AGAIN_MS = { underWay: 5000, done: 60_000 };

/** A stored message with terms of an older analysis. */
export interface OutdatedMessage {
  role: string;
  content: string;
}

/** The messages of a store. */
export interface AnalysedMessages<T extends OutdatedMessage> {
  /** Up to `limit` of those with terms of an older analysis. */
  outdated(limit: number): Promise<T[]>;
  /** Stores new terms of messages that have not changed since they were read. */
  update(analysed: readonly { message: T; terms: string[] }[]): Promise<void>;
}

/** The versions of the analysis before this one. */
export const OLDER_VERSIONS = Array.from({ length: ANALYSIS_VERSION - 1 }, (_, i) => i + 1);

/**
 * Analyses stored messages anew in the background, after an upgrade to a server with another analysis.
 * Each message has the version of its analysis. So any number of processes may do this at once, and end
 * at any time: the next batch is what is left.
 */
export class Reanalysis<T extends OutdatedMessage> {
  readonly #messages: AnalysedMessages<T>;
  readonly #readOnly: boolean;
  readonly #warn: Logger['warn'];
  #isUnderWay = false;
  #timer: NodeJS.Timeout | undefined;
  #working: Promise<void> | undefined;
  #isStopped = false;

  /** @param readOnly only looks whether other processes have finished */
  constructor(messages: AnalysedMessages<T>, readOnly: boolean, warn: Logger['warn'] = () => {}) {
    this.#messages = messages;
    this.#readOnly = readOnly;
    this.#warn = warn;
  }

  /** Whether some messages had terms of an older analysis when it last looked. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Begins in the background. @param isUnderWay whether there are such messages */
  begin(isUnderWay: boolean): void {
    this.#isUnderWay = isUnderWay;
    this.#schedule(isUnderWay && !this.#readOnly ? 0 : this.#pauseMs());
  }

  /** Resolves when nothing of the store is used any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  #pauseMs(): number {
    return this.#isUnderWay ? LOOK_AGAIN_MS.underWay : LOOK_AGAIN_MS.done;
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#working = this.#run();
    }, delayMs).unref();
  }

  async #run(): Promise<void> {
    try {
      const begun = performance.now();
      const isDone = this.#readOnly ? await this.#look() : await this.#analyseBatch();
      // It takes half of the time at most: the other half is for calls.
      this.#schedule(isDone || this.#readOnly ? this.#pauseMs() : performance.now() - begun);
    } catch (error) {
      if (!this.#isStopped) this.#warn('messages cannot be analysed anew', { error });
      this.#schedule(LOOK_AGAIN_MS.underWay);
    }
  }

  async #look(): Promise<boolean> {
    this.#isUnderWay = (await this.#messages.outdated(1)).length > 0;
    return !this.#isUnderWay;
  }

  /** @returns whether there was nothing to do */
  async #analyseBatch(): Promise<boolean> {
    const messages = await this.#messages.outdated(BATCH_SIZE);
    this.#isUnderWay = messages.length > 0;
    if (messages.length === 0) return true;
    const analysed: { message: T; terms: string[] }[] = [];
    for (const message of messages) analysed.push({ message, terms: await termsInSlices(message) });
    if (!this.#isStopped) await this.#messages.update(analysed);
    return false;
  }
}

const nextIteration = () => new Promise(setImmediate);

async function termsInSlices(message: OutdatedMessage): Promise<string[]> {
  const steps = analyseMessage(message);
  await nextIteration();
  for (let begun = performance.now(); ; ) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() - begun < SLICE_MS) continue;
    await nextIteration();
    begun = performance.now();
  }
}
