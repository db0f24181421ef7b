import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { fullJitter } from '../model-api/backoff.ts';
import { EndpointError, type EndpointProblem } from '../model-api/error.ts';
import { BATCH_ITEMS, createBacklog, type QueueItem, splitBatch } from './backlog.ts';
import type { Embedder } from './embedder.ts';

/** The most items that may be queued. */
const QUEUE_ITEMS = 10_000;
const BACKOFF_MAX_MS = 60_000;
const RETRY_AFTER_MAX_MS = 600_000;

export interface EmbeddedItem<K> {
  key: K;
  vector: Float32Array;
}

/** The kind of failure: the endpoint's, or `store` if vectors cannot be stored. */
type QueueProblem = EndpointProblem | 'store';

/** A report for the log. `message` is complete by itself; `error` is for diagnosis. */
export interface QueueReport<K> {
  /** `blocked`: will be retried. The others: items stay without vectors for now. */
  kind: 'blocked' | 'skipped' | 'full' | 'closed';
  message: string;
  /** The items that were skipped. */
  keys?: K[];
  error?: unknown;
}

interface QueueState {
  /** Items that are queued or in flight. */
  queued: number;
  /** Items dropped since the start: `mcp-sessions embed` embeds them. */
  dropped: number;
  /** The current problem, if any. */
  lastProblem?: QueueProblem;
}

export interface EmbeddingQueueOptions<K> {
  embedder: Embedder;
  /**
   * Stores vectors. After a retryable `DomainError` it is called again later with the same batch;
   * after any other error the batch is skipped.
   */
  store(batch: EmbeddedItem<K>[]): Promise<void>;
  /** Called once per problem, not on every attempt. */
  onProblem(report: QueueReport<K>): void;
  /** The bound of the first delay after a failure, in milliseconds; it doubles up to a minute. */
  retryDelay?: number;
  /** The most items that may be queued. */
  maxItems?: number;
}

/** Embeds in the background, one batch at a time, in the order of the offers. */
export interface EmbeddingQueue<K> {
  /**
   * Queues items and returns at once. Items that do not fit are dropped and counted. Blank texts
   * are ignored, because they have no meaning to search for.
   */
  offer(items: Iterable<QueueItem<K>>): void;
  state(): QueueState;
  /**
   * Accepts no more items and embeds those that are queued. Stops at the first failure or after
   * `grace` milliseconds.
   */
  close(grace: number): Promise<void>;
}

/** Creates a queue whose worker starts with the first offer and does not keep the process alive. */
export function createEmbeddingQueue<K>(options: EmbeddingQueueOptions<K>): EmbeddingQueue<K> {
  const { embedder, store, onProblem, retryDelay = 1000, maxItems = QUEUE_ITEMS } = options;
  const backlog = createBacklog<K>(maxItems);
  let inFlight = 0;
  let dropped = 0;
  let full = false;
  let lastProblem: QueueProblem | undefined;
  let lastError: unknown;
  let failures = 0;
  /** Halved when a batch fails, incremented when one succeeds. */
  let batchItems = BATCH_ITEMS;
  let worker: Promise<void> | undefined;
  let closing = false;
  let ended = false;
  /** Cancel the backoff when closing begins, and the request when the queue has ended. */
  let pause: AbortController | undefined;
  let request: AbortController | undefined;

  function offer(items: Iterable<QueueItem<K>>): void {
    for (const item of items) if (closing || !backlog.push(item)) drop();
    if (backlog.length > 0) worker ??= work();
  }

  function drop(): void {
    dropped++;
    if (full || closing) return;
    full = true;
    const message = `${backlog.length} messages wait to be embedded: more are not queued. Run "mcp-sessions embed" later to embed them.`;
    onProblem({ kind: 'full', message });
  }

  async function work(): Promise<void> {
    // The offering call is answered first: its response must not wait for the batch to be
    // serialized.
    await new Promise(setImmediate);
    while (backlog.length > 0 && !ended) await embedBatch(backlog.take(batchItems));
    full = false;
    worker = undefined;
  }

  async function embedBatch(batch: QueueItem<K>[]): Promise<void> {
    inFlight = batch.length;
    const pieces = [batch];
    for (let piece = pieces[0]; piece !== undefined && !ended; piece = pieces[0]) {
      try {
        const vectors = await embed(piece.map(({ text }) => text));
        pieces.shift();
        await storeBatch(piece.map(({ key }, i) => ({ key, vector: vectors[i] as Float32Array })));
        batchItems = Math.min(BATCH_ITEMS, batchItems + 1);
      } catch (error) {
        if (ended) return;
        // A slow endpoint would not answer a probe either: send less, and wait.
        const isTimeout = piece.length > 1 && isSlow(error);
        const cause = isTimeout ? error : await findCause(error);
        if (isTimeout || cause === undefined) pieces.splice(0, 1, ...splitOrSkip(piece, error));
        if (cause !== undefined) await backOff(cause);
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
   * Determines whether the endpoint or the texts caused an error by embedding a harmless text.
   *
   * @returns the endpoint's error, or `undefined` if the texts caused it
   */
  async function findCause(error: unknown): Promise<unknown> {
    if (!(error instanceof EndpointError)) return error;
    if (['unauthorized', 'misconfigured', 'overloaded'].includes(error.problem)) return error;
    try {
      await embed(['hello']);
      return undefined;
    } catch (other) {
      return other;
    }
  }

  /** Splits a failed piece into smaller ones. A piece that cannot be split is skipped. */
  function splitOrSkip(piece: QueueItem<K>[], error: unknown): QueueItem<K>[][] {
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

  /** Stores a batch, with retries. */
  async function storeBatch(batch: EmbeddedItem<K>[]): Promise<void> {
    while (!ended) {
      try {
        await store(batch);
        inFlight -= batch.length;
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
    inFlight -= keys.length;
    dropped += keys.length;
    onProblem({ kind: 'skipped', message, keys, error });
  }

  async function backOff(error: unknown): Promise<void> {
    failures++;
    const problem = error instanceof EndpointError ? error.problem : 'store';
    const isNew = lastProblem !== problem;
    lastProblem = problem;
    lastError = error;
    if (closing) ended = true;
    if (ended) return;
    if (isNew) {
      const message = 'Messages are not embedded at the moment; they wait and will be tried again.';
      onProblem({ kind: 'blocked', message, error });
    }
    const asked = error instanceof EndpointError ? (error.retryAfter ?? 0) : 0;
    const own = fullJitter(failures, retryDelay, BACKOFF_MAX_MS);
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
    const graceEnd = new AbortController();
    const graceOver = sleep(grace, undefined, { signal: graceEnd.signal }).catch(() => {});
    await Promise.race([worker, graceOver]);
    graceEnd.abort();
    ended = true;
    request?.abort();
    const unfinished = backlog.length + inFlight;
    if (unfinished === 0) return;
    const message = `${unfinished} messages were not embedded before the end. Run "mcp-sessions embed" to embed them.`;
    onProblem({ kind: 'closed', message, error: lastError });
  }

  return {
    offer,
    close,
    state: () => ({
      queued: backlog.length + inFlight,
      dropped,
      ...(lastProblem !== undefined && { lastProblem }),
    }),
  };
}

function isSlow(error: unknown): boolean {
  return error instanceof EndpointError && error.problem === 'timeout';
}
