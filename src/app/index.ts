import type { Readable, Writable } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import { type Config, ConfigError } from '../config/index.ts';
import { durationText } from '../config/setting.ts';
import type { Logger } from '../domain/logger.ts';
import { logCalls } from '../mcp/calls/call-log.ts';
import { combineObservers } from '../mcp/calls/call-observer.ts';
import { localPrincipal } from '../mcp/principal.ts';
import { createServerFactory, type ServedConnection } from '../mcp/server.ts';
import { ChangeNotifier } from '../mcp/updates/change-notifier.ts';
import type { Dependencies } from '../services/dependencies.ts';
import { FairQueue } from '../services/fair-queue.ts';
import { createMemoryService } from '../services/memory.ts';
import { createSearchService } from '../services/search/index.ts';
import { createSessionService } from '../services/sessions.ts';
import { createUserService } from '../services/users.ts';
import type { Store } from '../store/port.ts';
import { Retention, type StoreUse } from '../store/retention.ts';
import type { HttpTransport } from '../transports/http/index.ts';
import type { CreateServer, ListenToChanges, Transport } from '../transports/transport.ts';
import { embedNow } from './commands/embed.ts';
import { purgeNow } from './commands/purge.ts';
import { openEmbedder, startEmbedding } from './embedding.ts';
import { loadMetrics, measure, openOps } from './operations.ts';
import type { Metrics } from './ops/metrics.ts';
import { registrationMs, startSweeping } from './purge-schedule.ts';

export interface AppOptions {
  config: Config;
  version: string;
  logger: Logger;
  stdin: Readable;
  stdout: Writable;
}

export interface App {
  transport: Transport;
  /** Where HTTP clients connect; absent on stdio. */
  url?: string;
  /** Where `/healthz`, `/readyz` and `/metrics` are, if they are anywhere. */
  opsUrl?: string;
  /** Stops taking calls, answers those in flight within `grace` milliseconds, closes the store. */
  close(grace: number): Promise<void>;
}

/** Puts the parts together and starts serving. The store is opened when the first call needs it. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, logger } = options;
  let served: Partial<HttpTransport> | undefined;
  const metrics = await loadMetrics(config, () => served?.held?.());
  const retention = retentionOf(config, logger);
  const use = { readOnly: config.readOnly, server: true, retention };
  const store = lazyStore(config, logger, use, metrics);
  const changes = new ChangeNotifier();
  const embeddings = await startEmbedding(config, store.get, logger);
  const deps: Dependencies = {
    store: store.get,
    now: Date.now,
    newUuid: () => uuidv7(),
    get purgeAfter() {
      return retention.current;
    },
    embeddings,
    longReads: new FairQueue(),
    onChange: (namespace, changed) => changes.notify(namespace, changed),
  };
  const makeServer = createServerFactory({
    version: options.version,
    toolsets: config.toolsets,
    readOnly: config.readOnly,
    logger,
    callTimeout: config.callTimeout,
    observe: combineObservers(logCalls(logger), metrics?.observeCall),
  });
  const services = {
    sessions: createSessionService(deps),
    memory: createMemoryService(deps),
    search: createSearchService(deps),
    users: createUserService(deps),
  };
  const transport = await openTransport(
    options,
    (connection, caller) => makeServer({ caller, ...services }, changes, connection),
    (caller, listener) => changes.listen(caller, listener),
    (reason) => metrics?.refused(reason),
  );
  served = transport;
  const signIn = async () => transport.signInObstacle?.();
  const ops = metrics && (await openOps(config, store.get, signIn, metrics));
  const stopSweeping = startSweeping(config, store.get, logger, metrics?.purged);
  return {
    transport,
    ...(transport.url !== undefined && { url: transport.url }),
    ...(ops !== undefined && { opsUrl: ops.url }),
    async close(grace) {
      ops?.stopping();
      stopSweeping();
      if (!(await transport.close(grace))) logger.warn('calls in flight were cut off', { grace });
      ops?.close();
      await embeddings?.close(grace);
      await store.close();
    },
  };
}

/**
 * Refuses a session file that cannot be one, before anything is served: whoever set it reads that at
 * once, and not in the answer to a model's first call. What MongoDB is like shows when it is asked.
 *
 * @throws ConfigError
 */
export async function assertStoreUsable(config: Config): Promise<void> {
  const { mongodbUri, sessionsDb, readOnly } = config;
  if (mongodbUri !== undefined) return;
  const { fileProblem } = await import('../store/sqlite/check-file.ts');
  const problem = await fileProblem(sessionsDb, readOnly);
  if (problem === undefined) return;
  throw new ConfigError(
    `The session file ${JSON.stringify(sessionsDb)} ${problem}. Nothing was changed. Mend that, or name another with SESSIONS_DB.`,
  );
}

/** The command `purge`: leaves the database as it is set up, and a dry run all that is in it. */
export async function runPurge(
  config: Config,
  logger: Logger,
  report: (text: string) => void,
): Promise<void> {
  const use = { ...commandUse(config), readOnly: config.dryRun };
  const store = lazyStore(config, logger, use, undefined);
  try {
    await purgeNow(await store.get(), config, report);
  } finally {
    await store.close();
  }
}

/** The command `embed`. */
export async function runEmbed(
  config: Config,
  logger: Logger,
  report: (text: string) => void,
): Promise<void> {
  const embedder = await openEmbedder(config);
  if (embedder === undefined) return;
  const store = lazyStore(config, logger, commandUse(config), undefined);
  try {
    await embedNow(await store.get(), embedder, logger, report);
  } finally {
    await store.close();
  }
}

/** What a server keeps, and says when that is not what it is configured with. */
function retentionOf({ purgeAfter, purgeEvery, readOnly }: Config, logger: Logger): Retention {
  const own = durationText(purgeAfter);
  return new Retention({
    own: purgeAfter,
    registrationMs: registrationMs(purgeEvery),
    purges: !readOnly,
    onChange(current) {
      const inForce = durationText(current);
      if (current === purgeAfter) logger.info(`PURGE_AFTER is ${own} at every server again`);
      else {
        logger.warn(
          `PURGE_AFTER is ${own} here, but ${inForce} at another server that uses the same database: ${inForce} holds until all have the same`,
          { own, inForce },
        );
      }
    },
  });
}

/** How a command uses the store: it is no server, and says by itself what it purges. */
function commandUse({ purgeAfter }: Config): StoreUse {
  const retention = new Retention({ own: purgeAfter, registrationMs: 0, purges: true });
  return { readOnly: false, server: false, retention };
}

/** Loads no more than the chosen transport needs: what is loaded is most of the start-up time. */
async function openTransport(
  options: AppOptions,
  createServer: CreateServer,
  changes: ListenToChanges,
  onRefused: (reason: string) => void,
): Promise<Transport & Partial<HttpTransport>> {
  const { config, logger } = options;
  const { messageMax, callsAtOnce } = config;
  if (!config.http) {
    const { serveOverStdio } = await import('../transports/stdio/index.ts');
    const { stdin, stdout } = options;
    const caller = localPrincipal(config.namespace);
    const serve = (connection: ServedConnection) => createServer(connection, caller);
    return serveOverStdio({ stdin, stdout, createServer: serve, messageMax, callsAtOnce, logger });
  }
  const { serveOverHttp } = await import('../transports/http/index.ts');
  const { host, port, publicUrl, drainDelay } = config;
  const allowedHosts =
    publicUrl === undefined
      ? config.allowedHosts
      : [...config.allowedHosts, new URL(publicUrl).hostname];
  const { openSignIn } = await import('../transports/auth/index.ts');
  const signIn = await openSignIn(config, localPrincipal(config.namespace), logger);
  const parts = { createServer, signIn, changes, onRefused, logger };
  return serveOverHttp({
    host,
    port,
    publicUrl,
    allowedHosts,
    limits: config,
    drainDelay,
    ...parts,
  });
}

/** Opens the configured store on first use; one that could not be opened is tried again. */
function lazyStore(config: Config, logger: Logger, use: StoreUse, metrics: Metrics | undefined) {
  let opening: Promise<Store> | undefined;
  const open = async (): Promise<Store> => {
    const { mongodbUri, mongodbDatabase: database, sessionsDb } = config;
    if (mongodbUri === undefined) {
      const { openSqliteStore } = await import('../store/sqlite/index.ts');
      logger.info('opening the embedded store', { path: sessionsDb });
      return measure(await openSqliteStore(sessionsDb, { ...use, warn: logger.warn }), metrics);
    }
    const { createMongoClient, openMongoStore } = await import('../store/mongodb/index.ts');
    logger.info('connecting to MongoDB', { database });
    const client = createMongoClient(mongodbUri);
    return measure(openMongoStore({ client, database, ...use }), metrics);
  };
  return {
    get(): Promise<Store> {
      opening ??= open().catch((error: unknown) => {
        opening = undefined;
        const path = config.mongodbUri === undefined ? config.sessionsDb : undefined;
        logger.warn('the store cannot be opened', { path, error });
        throw error;
      });
      return opening;
    },
    async close(): Promise<void> {
      await opening?.then((store) => store.close()).catch(() => undefined);
    },
  };
}
