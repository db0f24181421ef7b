import {
  MongoClient,
  type MongoClientOptions,
  ReadConcern,
  ReadPreference,
  WriteConcern,
} from 'mongodb';
import { toDomainError } from './errors.ts';

/** How long a call waits for a server that cannot be reached. */
export const OPERATION_TIMEOUT_MS = 4500;

/** How long before its caller the server gives up a command, in milliseconds. */
export const LEAD_MS = 1000;

/** How long work on many records may take. A server ends transactions after a minute. */
export const LONG_OPERATION_TIMEOUT_MS = 55_000;

/** Shorter than a call waits, so that the driver reports its reason before the call gives up. */
const SELECTION_TIMEOUT_MS = 4000;

/**
 * What the store asks of the server: acknowledged writes are on the disks of a majority, and reads cannot be
 * rolled back. Given with the database, each transaction and each bulk write, since an address has more
 * names for this than the options of a client override. A wait for the majority ends, so that a set
 * without one does not keep the connections.
 */
export const GUARANTEES = {
  writeConcern: new WriteConcern('majority', LONG_OPERATION_TIMEOUT_MS, true),
  readConcern: new ReadConcern('majority'),
  readPreference: ReadPreference.primary,
} as const;

/** What is wrong with an address, in the driver's words; `undefined` if it can be used. */
export function addressProblem(uri: string): string | undefined {
  try {
    new MongoClient(uri);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Creates a client for a store. It connects when it is first used.
 *
 * @throws DomainError INTERNAL when the connection string cannot be used
 */
export function createMongoClient(uri: string, options: MongoClientOptions = {}): MongoClient {
  try {
    return new MongoClient(uri, {
      // Tests set a name of their own, to have the server fail the commands of one client.
      appName: 'mcp-sessions',
      ...options,
      serverSelectionTimeoutMS: SELECTION_TIMEOUT_MS,
      connectTimeoutMS: SELECTION_TIMEOUT_MS,
      socketTimeoutMS: LONG_OPERATION_TIMEOUT_MS,
      waitQueueTimeoutMS: OPERATION_TIMEOUT_MS,
      retryReads: true,
      retryWrites: true,
      ...GUARANTEES,
    });
  } catch (error) {
    throw toDomainError(error);
  }
}
