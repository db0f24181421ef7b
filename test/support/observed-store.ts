import { randomUUID } from 'node:crypto';
import type { CommandStartedEvent, Db, MongoClient, MongoClientOptions } from 'mongodb';
import { inject } from 'vitest';
import { createMongoClient, openMongoStore } from '../../src/store/mongodb/index.ts';
import type { Store } from '../../src/store/port.ts';
import { type Harness, harness, type StoreOptions, useOf } from './stores.ts';

const DAY = 86_400_000;

/** The servers that stores are opened on; `null` where there is none, and why. */
export const replicaSet = inject('mongodbReplicaSet');
export const standalone = inject('mongodbStandalone');
export const skipReason = replicaSet === null ? `: skipped, ${inject('mongodbSkipReason')}` : '';

/** The services on a store in MongoDB, with the commands that the store sends. */
export interface Observed extends Harness {
  store: Store;
  client: MongoClient;
  db: Db;
  /** The commands that `work` sends. */
  commands(work: () => Promise<unknown>): Promise<CommandStartedEvent[]>;
  /** Their names. */
  sent(work: () => Promise<unknown>): Promise<string[]>;
}

const opened: Observed[] = [];
/** The stores that have their own database. */
const owners = new Set<Observed>();

/** Opens a store on a new database, or on `database` beside another store. */
export function openObserved(
  uri: string | null,
  options: StoreOptions & {
    database?: string;
    client?: MongoClientOptions;
  } = {},
): Observed {
  const client = createMongoClient(uri as string, { ...options.client, monitorCommands: true });
  const database = options.database ?? `test_${randomUUID().replaceAll('-', '')}`;
  const purgeAfter = 'purgeAfter' in options ? options.purgeAfter : 7 * DAY;
  const store = openMongoStore({ client, database, ...useOf(options) });
  const observed: Observed = {
    ...harness(store, purgeAfter),
    client,
    db: client.db(database),
    async commands(work) {
      const seen: CommandStartedEvent[] = [];
      const listen = (event: CommandStartedEvent) => seen.push(event);
      client.on('commandStarted', listen);
      try {
        await work();
      } finally {
        client.off('commandStarted', listen);
      }
      return seen.filter(({ commandName }) => commandName !== 'endSessions');
    },
    async sent(work) {
      return (await observed.commands(work)).map(({ commandName }) => commandName);
    },
  };
  opened.push(observed);
  if (options.database === undefined) owners.add(observed);
  return observed;
}

/** Drops the databases of the stores that were opened, and closes them. */
export async function closeObserved(): Promise<void> {
  for (const observed of opened) {
    if (owners.has(observed)) await observed.db.dropDatabase();
    await observed.store.close();
  }
}
