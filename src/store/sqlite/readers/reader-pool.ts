import { Worker } from 'node:worker_threads';
import { DomainError } from '../../../domain/errors.ts';
import type { ConnectionOptions, Warn } from '../connection/index.ts';
import { type ReaderData, type ReaderMessage, toError } from './reader-messages.ts';
import type { LongReads } from './reads.ts';

/** How many reads can be under way at once: a thread each. */
export const READERS = 2;

interface Pending {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A worker thread, and the reads that it has been asked for and not answered. */
interface Reader {
  worker: Worker;
  pending: Map<number, Pending>;
}

/**
 * Runs reads that may take long on worker threads, each with a connection to the file of its own, so
 * that nobody waits for them but who asked. A thread is started when there is a read for it.
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
   * @throws DomainError what the read throws, or UNAVAILABLE when the pool is closed or a thread ended
   */
  run<Name extends keyof LongReads>(
    read: Name,
    args: Parameters<LongReads[Name]>,
  ): ReturnType<LongReads[Name]> {
    const result = new Promise((resolve, reject) => {
      if (this.#closed) return reject(ended(undefined));
      const { worker, pending } = this.#leastBusy();
      // A thread that has nothing to do keeps no process alive.
      worker.ref();
      this.#lastId += 1;
      pending.set(this.#lastId, { resolve, reject });
      worker.postMessage({ id: this.#lastId, read, args });
    });
    return result as ReturnType<LongReads[Name]>;
  }

  /** Ends the reads that are under way, and the threads. */
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
    // What it prints must not end up between the frames of stdio.
    const worker = new Worker(new URL('./reader.js', import.meta.url), {
      workerData: this.#data,
      stdout: true,
    });
    const pending = new Map<number, Pending>();
    const reader = { worker, pending };
    worker.on('message', (message: ReaderMessage) => {
      if ('warning' in message) return this.#warn(message.warning, message.fields);
      const asked = pending.get(message.id);
      pending.delete(message.id);
      if (pending.size === 0) worker.unref();
      if ('failure' in message) asked?.reject(toError(message.failure));
      else asked?.resolve(message.result);
    });
    worker.on('error', (error) =>
      this.#warn('a thread that reads the session file failed', { error }),
    );
    worker.on('exit', () => {
      this.#readers.splice(this.#readers.indexOf(reader), 1);
      for (const { reject } of pending.values()) reject(ended(undefined));
    });
    this.#readers.push(reader);
    return reader;
  }
}

function ended(cause: unknown): DomainError {
  return new DomainError(
    'UNAVAILABLE',
    'The read was ended before it was done. Repeat the call; if the server is stopping, once it runs again.',
    { cause },
  );
}
