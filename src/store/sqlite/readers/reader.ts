import { parentPort, workerData } from 'node:worker_threads';
import { Connection } from '../connection/index.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import {
  type ReaderData,
  type ReaderMessage,
  type ReadRequest,
  toFailure,
} from './reader-messages.ts';
import { longReads } from './reads.ts';

/**
 * The worker thread of a `ReaderPool`: reads the file through a connection of its own, one read at a
 * time, until it is sent `null`. It closes by itself: an engine that is torn down within a statement
 * takes the process with it.
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
    // What could not be opened is tried again by another thread.
    await reads.catch(() => port.close());
  }
});
