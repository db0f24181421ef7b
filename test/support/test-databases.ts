import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { inject } from 'vitest';

/** The database of one server process. */
export interface E2eDatabase {
  env: Record<string, string>;
  drop(): Promise<void>;
}

export interface E2eDatabaseKind {
  name: string;
  missing?: string;
  open(): E2eDatabase;
}

const replicaSet = inject('mongodbReplicaSet');

/** The databases that server processes are tested on. */
export const E2E_DATABASES: E2eDatabaseKind[] = [
  { name: 'embedded', open: () => ({ env: {}, drop: async () => {} }) },
  {
    name: 'MongoDB',
    ...(replicaSet === null && { missing: inject('mongodbSkipReason') }),
    open() {
      const uri = replicaSet as string;
      const database = `e2e_${randomUUID()}`;
      return {
        env: { MONGODB_URI: uri, MONGODB_DATABASE: database },
        async drop() {
          const client = new MongoClient(uri);
          await client.db(database).dropDatabase();
          await client.close();
        },
      };
    },
  },
];
