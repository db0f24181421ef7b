import { existsSync } from 'node:fs';
import { type Config, ConfigError, secretsOf } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import type { Store } from '../store/port.ts';
import type { StoreUse } from '../store/retention.ts';
import { measured } from './monitoring.ts';
import type { Metrics } from './ops/metrics.ts';

/** A store that is opened when it is first needed. */
export interface LazyStore {
  /**
   * Returns the open store. After a failure, the next call tries again.
   *
   * @throws what the store throws when it cannot be opened
   */
  get(): Promise<Store>;
  /** Closes the store if it was opened. */
  close(): Promise<void>;
}

/** Prepares the configured store. Neither a database nor its driver is loaded before the first `get`. */
export function lazyStore(
  config: Config,
  logger: Logger,
  use: StoreUse,
  metrics?: Metrics,
): LazyStore {
  let opening: Promise<Store> | undefined;
  return {
    get() {
      opening ??= open(config, logger, use, metrics).catch((error: unknown) => {
        opening = undefined;
        const path = config.mongodbUri === undefined ? config.sessionsDb : undefined;
        logger.warn('the store cannot be opened', { path, error });
        throw error;
      });
      return opening;
    },
    async close() {
      await opening?.then((store) => store.close()).catch(() => undefined);
    },
  };
}

async function open(
  { mongodbUri, mongodbDatabase: database, sessionsDb }: Config,
  logger: Logger,
  use: StoreUse,
  metrics: Metrics | undefined,
): Promise<Store> {
  if (mongodbUri === undefined) {
    const { openSqliteStore } = await import('../store/sqlite/index.ts');
    logger.info('opening the embedded store', { path: sessionsDb });
    return measured(await openSqliteStore(sessionsDb, { ...use, warn: logger.warn }), metrics);
  }
  const { createMongoClient, openMongoStore } = await import('../store/mongodb/index.ts');
  logger.info('connecting to MongoDB', { database });
  const client = createMongoClient(mongodbUri);
  const { info, warn } = logger;
  return measured(openMongoStore({ client, database, ...use, info, warn }), metrics);
}

/**
 * Checks the embedded database file, or the address of MongoDB, before anything is served, so that whoever
 * configured it reads the problem at once, and not in the answer to a model's first call. Whether MongoDB
 * can be reached is only found when it is used.
 *
 * @throws ConfigError when the file or the address cannot be used
 */
export async function assertStoreUsable(config: Config): Promise<void> {
  const { mongodbUri, sessionsDb, readOnly } = config;
  if (mongodbUri !== undefined) return assertAddressUsable(mongodbUri, config);
  const { fileProblem } = await import('../store/sqlite/check-file.ts');
  const problem = await fileProblem(sessionsDb, readOnly);
  if (problem === undefined) return;
  throw new ConfigError(
    `The session file ${JSON.stringify(sessionsDb)} ${problem}. Nothing was changed. Mend that, or name another with SESSIONS_DB.`,
  );
}

async function assertAddressUsable(uri: string, config: Config): Promise<void> {
  const { addressProblem } = await import('../store/mongodb/connection/client.ts');
  const problem = addressProblem(uri);
  if (problem === undefined) return;
  const shown = secretsOf(config).some((secret) => problem.includes(secret)) ? '' : `: ${problem}`;
  throw new ConfigError(
    `MONGODB_URI cannot be used${shown}. Mend that; its options are those of https://www.mongodb.com/docs/manual/reference/connection-string-options/.`,
  );
}

/**
 * Checks that the embedded database file exists: a command that works on existing records must not create
 * a file under a mistyped name.
 *
 * @throws ConfigError when there is no such file
 */
export function assertStoreExists({ mongodbUri, sessionsDb }: Config): void {
  if (mongodbUri !== undefined || existsSync(sessionsDb)) return;
  throw new ConfigError(
    `The session file ${JSON.stringify(sessionsDb)} does not exist. Name an existing file with SESSIONS_DB.`,
  );
}

/** Where the records are stored, in words that contain no secret. */
export function storeName({ mongodbUri, mongodbDatabase, sessionsDb }: Config): string {
  return mongodbUri === undefined ? sessionsDb : `the database ${mongodbDatabase} of MongoDB`;
}
