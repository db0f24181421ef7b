import type {} from 'vitest'; // what the augmentation below finds the module by
import type { TestProject } from 'vitest/node';
import { findMongod, type MongodBinary, startMongod } from './mongod.ts';

interface MongodbContext {
  /** Addresses of the servers that all tests share; null where there is none. */
  readonly mongodbReplicaSet: string | null;
  readonly mongodbStandalone: string | null;
  /** Why a server is missing, for the names of skipped suites; empty where none is. */
  readonly mongodbSkipReason: string;
  /** For tests that start, kill and restart servers of their own with `startMongod`. */
  readonly mongod: MongodBinary | null;
}

declare module 'vitest' {
  export interface ProvidedContext extends MongodbContext {}
}

/** vitest's global set-up: one replica set of one node and one standalone for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const found = await findMongod();
  if ('reason' in found) {
    provide(project, {
      mongodbReplicaSet: null,
      mongodbStandalone: null,
      mongodbSkipReason: found.reason,
      mongod: null,
    });
    return async () => {};
  }
  if (found.kind === 'uri') {
    provide(project, {
      mongodbReplicaSet: found.uri,
      mongodbStandalone: found.standaloneUri,
      mongodbSkipReason: 'MONGODB_TEST_URI names a server that tests cannot start or kill',
      mongod: null,
    });
    return async () => {};
  }
  const [replicaSet, standalone] = await Promise.all([
    startMongod(found),
    startMongod(found, { standalone: true }),
  ]);
  provide(project, {
    mongodbReplicaSet: replicaSet.uri,
    mongodbStandalone: standalone.uri,
    mongodbSkipReason: '',
    mongod: found,
  });
  return async () => {
    await Promise.all([replicaSet.stop(), standalone.stop()]);
  };
}

function provide(project: TestProject, context: MongodbContext): void {
  project.provide('mongodbReplicaSet', context.mongodbReplicaSet);
  project.provide('mongodbStandalone', context.mongodbStandalone);
  project.provide('mongodbSkipReason', context.mongodbSkipReason);
  project.provide('mongod', context.mongod);
}
