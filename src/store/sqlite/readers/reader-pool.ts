import { Worker } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import type { ConnectionOptions, Warn } from '../connection/index.ts';
import type { LongReads } from './long-reads.ts';
import { type ReaderData, type ReaderMessage, toError } from './reader-messages.ts';

/** How many reader threads there are at most, and so how many reads run at once. */
export const READERS = 2;

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A worker thread, with its reads that are not answered yet. */
interface Reader {
  worker: Worker;
  pending: Map<number, Pending>;
}

/**
 * Runs long reads on worker threads, so that they do not block the server. Each thread has its own
 * connection to the file. A thread is started when a read needs it.
 */
export class ReaderPool {
  readonly #data: ReaderData;
  readonly #warn: Warn;
  readonly #readers: Reader[] = [];
  #lastId = 0;
  #closed = false;

  constructor(path: string, { readOnly = false, warn = () => {} }: ConnectionOptions) {
    this.#data = { path, readOnly, stop: new Int32Array(new SharedArrayBuffer(4)) };
    this.#warn = warn;
  }

  /**
   * @returns what the read returns
   * @throws DomainError as the read does, or UNAVAILABLE if the pool was closed or the thread ended
   */
  run<Name extends keyof LongReads>(
    read: Name,
    args: Parameters<LongReads[Name]>,
  ): ReturnType<LongReads[Name]> {
    const result = new Promise((resolve, reject) => {
      if (this.#closed) return reject(endedEarly());
      const { worker, pending } = this.#leastBusy();
      // Only a thread with pending reads keeps the process alive.
      worker.ref();
      this.#lastId += 1;
      pending.set(this.#lastId, { resolve, reject });
      worker.postMessage({ id: this.#lastId, read, args });
    });
    return result as ReturnType<LongReads[Name]>;
  }

  /** Ends the current reads and the threads. */
  async close(): Promise<void> {
    this.#closed = true;
    Atomics.store(this.#data.stop, 0, 1);
    await Promise.all(
      this.#readers.map(
        ({ worker }) =>
          new Promise<void>((resolve) => {
            worker.once('exit', () => resolve());
            worker.ref();
            worker.postMessage(null);
          }),
      ),
    );
  }

  #leastBusy(): Reader {
    const idle = this.#readers.find(({ pending }) => pending.size === 0);
    if (idle !== undefined) return idle;
    if (this.#readers.length < READERS) return this.#start();
    return this.#readers.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
  }

  #start(): Reader {
    // Its output must not mix with the messages on stdout.
    const worker = new Worker(new URL('./reader.js', import.meta.url), {
      workerData: this.#data,
      stdout: true,
    });
    const pending = new Map<number, Pending>();
    const reader = { worker, pending };
    worker.on('message', (message: ReaderMessage) => {
      if ('warning' in message) return this.#warn(message.warning, message.fields);
      const read = pending.get(message.id);
      pending.delete(message.id);
      if (pending.size === 0) worker.unref();
      if ('failure' in message) read?.reject(toError(message.failure));
      else read?.resolve(message.result);
    });
    worker.on('error', (error) =>
      this.#warn('a reader thread of the session file failed', { error }),
    );
    worker.on('exit', () => {
      this.#readers.splice(this.#readers.indexOf(reader), 1);
      for (const { reject } of pending.values()) reject(endedEarly());
    });
    this.#readers.push(reader);
    return reader;
  }
}

function endedEarly(): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The read was ended before it was done. Repeat the call. If the server is stopping, repeat it once the server runs again.',
  );
}
