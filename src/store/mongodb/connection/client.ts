import { MongoClient, type MongoClientOptions } from 'mongodb';
import { toDomainError } from './errors.ts';

/** How long a call waits for a server that cannot be reached. */
export const OPERATION_TIMEOUT_MS = 4500;

/** How long work on many records may take. A server ends transactions after a minute. */
export const LONG_OPERATION_TIMEOUT_MS = 55_000;

/** Shorter than a call waits, so that the driver reports its reason before the call gives up. */
const SELECTION_TIMEOUT_MS = 4000;

/**
 * Creates a client with the guarantees that the store gives: acknowledged writes are on the disks of a
 * majority, and reads cannot be rolled back. The client connects when it is first used.
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
      writeConcern: { w: 'majority', journal: true },
      readConcern: { level: 'majority' },
      readPreference: 'primary',
    });
  } catch (error) {
    throw toDomainError(error);
  }
}
