import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { BATCH_ITEMS, createBacklog, type QueueItem, splitBatch } from './backlog.ts';
import { fullJitter } from './backoff.ts';
import type { Embedder } from './embedder.ts';
import { EmbeddingError, type EmbeddingProblem } from './error.ts';

/** How many items may wait. */
const QUEUE_ITEMS = 10_000;
const WAIT_MAX_MS = 60_000;
const RETRY_AFTER_MAX_MS = 600_000;

export interface EmbeddedItem<K> {
  key: K;
  vector: Float32Array;
}

/** Why embedding does not get on: the endpoint's problem, or `store` if vectors cannot be stored. */
export type QueueProblem = EmbeddingProblem | 'store';

/** What the log should hear of. The message is complete; `error` is for those who look closer. */
export interface QueueReport<K> {
  /** `blocked`: waits and tries again. The others: these items stay without vectors for now. */
  kind: 'blocked' | 'skipped' | 'full' | 'closed';
  message: string;
  /** The items that were skipped. */
  keys?: K[];
  error?: unknown;
}

export interface QueueState {
  /** Items that wait or are under way. */
  queued: number;
  /** Items that were given up since the start: `mcp-sessions embed` embeds them. */
  dropped: number;
  /** What is the matter at the moment. */
  lastProblem?: QueueProblem;
}

export interface EmbeddingQueueOptions<K> {
  embedder: Embedder;
  /**
   * Keeps vectors. A `DomainError` that is retryable has it called again later with the same batch;
   * after any other error the batch is skipped.
   */
  store(batch: EmbeddedItem<K>[]): Promise<void>;
  /** Hears of each trouble once, not at every try. */
  onProblem(report: QueueReport<K>): void;
  /** The bound of the first wait after a failure, in milliseconds; it doubles up to a minute. */
  retryDelay?: number;
  /** How many items may wait. */
  maxItems?: number;
}

/** Embeds in the background, batch after batch, in the order of the offers. */
export interface EmbeddingQueue<K> {
  /**
   * Takes items to embed and returns at once. What does not fit is dropped and counted. Blank texts
   * have no meaning to find, so they are passed over.
   */
  offer(items: Iterable<QueueItem<K>>): void;
  state(): QueueState;
  /**
   * Takes no more items, finishes what waits, and gives up at the first failure or after `grace`
   * milliseconds.
   */
  close(grace: number): Promise<void>;
}

/** A queue with a worker that starts with the first offer and holds no process open. */
export function createEmbeddingQueue<K>(options: EmbeddingQueueOptions<K>): EmbeddingQueue<K> {
  const { embedder, store, onProblem, retryDelay = 1000, maxItems = QUEUE_ITEMS } = options;
  const waiting = createBacklog<K>(maxItems);
  let inHand = 0;
  let dropped = 0;
  let full = false;
  let lastProblem: QueueProblem | undefined;
  let lastError: unknown;
  let failures = 0;
  /** Halved when a batch fails, one more when a batch gets through. */
  let batchItems = BATCH_ITEMS;
  let working: Promise<void> | undefined;
  let closing = false;
  let ended = false;
  /** Ends what is waited for: the back-off when closing begins, the request when it is over. */
  let pause: AbortController | undefined;
  let request: AbortController | undefined;

  function offer(items: Iterable<QueueItem<K>>): void {
    for (const item of items) if (closing || !waiting.push(item)) drop();
    if (waiting.length > 0) working ??= work();
  }

  function drop(): void {
    dropped++;
    if (full || closing) return;
    full = true;
    const message = `${waiting.length} messages wait to be embedded: more are not queued. Run "mcp-sessions embed" later to embed them.`;
    onProblem({ kind: 'full', message });
  }

  async function work(): Promise<void> {
    // The call that offered comes first: whatever the batch costs, its answer does not wait for it.
    await new Promise(setImmediate);
    while (waiting.length > 0 && !ended) await embedBatch(waiting.take(batchItems));
    full = false;
    working = undefined;
  }

  async function embedBatch(batch: QueueItem<K>[]): Promise<void> {
    inHand = batch.length;
    const pieces = [batch];
    for (let piece = pieces[0]; piece !== undefined && !ended; piece = pieces[0]) {
      try {
        const vectors = await embed(piece.map(({ text }) => text));
        pieces.shift();
        await keep(piece.map(({ key }, i) => ({ key, vector: vectors[i] as Float32Array })));
        batchItems = Math.min(BATCH_ITEMS, batchItems + 1);
      } catch (error) {
        if (ended) return;
        // An endpoint that is slow would not answer a question either: give it less, and time.
        const slow = piece.length > 1 && isSlow(error);
        const culprit = slow ? error : await blame(error);
        if (slow || culprit === undefined) pieces.splice(0, 1, ...instead(piece, error));
        if (culprit !== undefined) await backOff(culprit);
      }
    }
  }

  async function embed(texts: string[]): Promise<Float32Array[]> {
    request = new AbortController();
    const vectors = await embedder.embed(texts, request.signal);
    recovered();
    return vectors;
  }

  /**
   * Whether it is the endpoint or the texts: if it embeds a harmless text, it is the texts.
   *
   * @returns the endpoint's error, or undefined if the texts are to blame
   */
  async function blame(error: unknown): Promise<unknown> {
    if (!(error instanceof EmbeddingError)) return error;
    if (['unauthorized', 'misconfigured', 'overloaded'].includes(error.problem)) return error;
    try {
      await embed(['hello']);
      return undefined;
    } catch (other) {
      return other;
    }
  }

  /** What to try instead of a piece that failed; what cannot be made smaller is skipped. */
  function instead(piece: QueueItem<K>[], error: unknown): QueueItem<K>[][] {
    const pieces = splitBatch(piece);
    if (piece.length > 1) batchItems = Math.ceil(piece.length / 2);
    if (pieces.length === 0) {
      const keys = piece.map(({ key }) => key);
      const message =
        'A message cannot be embedded, so only its words can be searched for. The error says what the endpoint makes of it.';
      skip(keys, message, error);
    }
    return pieces;
  }

  /** Stores a batch, as often as it takes. */
  async function keep(batch: EmbeddedItem<K>[]): Promise<void> {
    while (!ended) {
      try {
        await store(batch);
        inHand -= batch.length;
        return recovered();
      } catch (error) {
        if (ended) return;
        if (!(error instanceof DomainError && error.retryable)) {
          const keys = batch.map(({ key }) => key);
          const message = `${keys.length} vectors cannot be stored. Run "mcp-sessions embed" once the cause is removed.`;
          return skip(keys, message, error);
        }
        await backOff(error);
      }
    }
  }

  function skip(keys: K[], message: string, error: unknown): void {
    inHand -= keys.length;
    dropped += keys.length;
    onProblem({ kind: 'skipped', message, keys, error });
  }

  async function backOff(error: unknown): Promise<void> {
    failures++;
    const problem = error instanceof EmbeddingError ? error.problem : 'store';
    const news = lastProblem !== problem;
    lastProblem = problem;
    lastError = error;
    if (closing) ended = true;
    if (ended) return;
    if (news) {
      const message = 'Messages are not embedded at the moment; they wait and will be tried again.';
      onProblem({ kind: 'blocked', message, error });
    }
    const asked = error instanceof EmbeddingError ? (error.retryAfter ?? 0) : 0;
    const own = fullJitter(failures, retryDelay, WAIT_MAX_MS);
    pause = new AbortController();
    const wait = Math.max(own, Math.min(asked, RETRY_AFTER_MAX_MS));
    await sleep(wait, undefined, { ref: false, signal: pause.signal }).catch(() => {});
  }

  function recovered(): void {
    failures = 0;
    lastProblem = undefined;
    lastError = undefined;
  }

  async function close(grace: number): Promise<void> {
    closing = true;
    pause?.abort();
    const over = new AbortController();
    const timeUp = sleep(grace, undefined, { signal: over.signal }).catch(() => {});
    await Promise.race([working, timeUp]);
    over.abort();
    ended = true;
    request?.abort();
    const left = waiting.length + inHand;
    if (left === 0) return;
    const message = `${left} messages were not embedded before the end. Run "mcp-sessions embed" to embed them.`;
    onProblem({ kind: 'closed', message, error: lastError });
  }

  return {
    offer,
    close,
    state: () => ({
      queued: waiting.length + inHand,
      dropped,
      ...(lastProblem !== undefined && { lastProblem }),
    }),
  };
}

function isSlow(error: unknown): boolean {
  return error instanceof EmbeddingError && error.problem === 'timeout';
}
