import { parentPort, workerData } from 'node:worker_threads';
import { Connection } from '../connection/index.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { longReads } from './long-reads.ts';
import {
  type ReaderData,
  type ReaderMessage,
  type ReadRequest,
  toFailure,
} from './reader-messages.ts';

/**
 * A worker thread of a `ReaderPool`. It reads the file through its own connection, one read at a time,
 * and closes itself when it receives `null`. The pool never terminates it: if an engine is torn down
 * within a statement, the process crashes.
 */
const { path, readOnly, stop } = workerData as ReaderData;
const port = parentPort;
if (port === null) throw new Error('this file runs as a worker thread');
const answer = (message: ReaderMessage) => port.postMessage(message);

const connection = Connection.open(path, MIGRATIONS, {
  readOnly: true,
  besideWriter: !readOnly,
  stop,
  warn: (warning, fields = {}) => answer({ warning, fields }),
});
const reads = connection.then(longReads);
reads.catch(() => undefined);

port.on('message', async (request: ReadRequest | null) => {
  if (request === null) {
    await connection.then((opened) => opened.close()).catch(() => undefined);
    port.close();
    return;
  }
  const { id, read, args } = request;
  try {
    const work = (await reads)[read] as (...values: unknown[]) => Promise<unknown>;
    answer({ id, result: await work(...args) });
  } catch (error) {
    answer({ id, failure: toFailure(error) });
    // If the file could not be opened, end. The next read starts a new thread, which tries again.
    await reads.catch(() => port.close());
  }
});
