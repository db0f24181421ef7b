import type { Readable, Writable } from 'node:stream';
import { v7 as uuidv7 } from 'uuid';
import type { Config } from './config.ts';
import type { Logger } from './logger.ts';
import { Changes } from './mcp/changes.ts';
import { createServerFactory } from './mcp/server.ts';
import type { Context } from './mcp/tool.ts';
import { createMemoryService } from './services/memory.ts';
import { purgeExpired } from './services/purge.ts';
import type { Dependencies } from './services/services.ts';
import { createSessionService } from './services/sessions.ts';
import { createUserService } from './services/users.ts';
import type { PurgeCounts, Store } from './store/store.ts';
import type { HttpOptions } from './transports/http.ts';
import type { CreateServer, Transport } from './transports/transport.ts';

/** The sweep at start-up waits this long, so as not to be in the way of the first calls. */
const FIRST_SWEEP_MS = 1000;

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
  /** Stops taking calls, answers those in flight within `grace` milliseconds, closes the store. */
  close(grace: number): Promise<void>;
}

/** Puts the parts together and starts serving. The store is opened when the first call needs it. */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, logger } = options;
  const store = lazyStore(config, logger, true);
  const changes = new Changes();
  const deps: Dependencies = {
    store: store.get,
    now: Date.now,
    newUuid: () => uuidv7(),
    purgeAfter: config.purgeAfter,
    onChange: (namespace, changed) => changes.tell(namespace, changed),
  };
  const makeServer = createServerFactory({
    version: options.version,
    toolsets: config.toolsets,
    readOnly: config.readOnly,
    logger,
  });
  const { namespace } = config;
  const context: Context = {
    caller: { namespace },
    sessions: createSessionService(deps),
    memory: createMemoryService(deps),
    users: createUserService(deps),
  };
  const transport = await openTransport(
    options,
    (connection) => makeServer(context, changes, connection),
    (listener) => changes.listen(namespace, listener),
  );
  const stopSweeping = sweep(config, store.get, logger);
  return {
    transport,
    ...(transport.url !== undefined && { url: transport.url }),
    async close(grace) {
      stopSweeping();
      if (!(await transport.close(grace))) logger.warn('calls in flight were cut off', { grace });
      await store.close();
    },
  };
}

/** Purges what is past its time, now, whichever store it is in. */
export async function runPurge(
  config: Config,
  logger: Logger,
  report: (text: string) => void,
): Promise<void> {
  if (config.purgeAfter === undefined) {
    report('PURGE_AFTER is off: nothing is ever purged.\n');
    return;
  }
  const store = lazyStore(config, logger, false);
  const cutoff = cutoffOf(config.purgeAfter);
  const opened = await store.get();
  try {
    const expired = await opened.countExpired(cutoff);
    report(`Soft-deleted up to ${cutoff}: ${described(expired)}.\n`);
    if (config.dryRun) {
      report('This was a dry run: nothing was purged.\n');
      return;
    }
    const purged = await purgeExpired(opened, {
      cutoff,
      onProgress: (soFar) => report(`purged ${described(soFar)}\n`),
    });
    report(`Done: ${described(purged)} purged.\n`);
  } finally {
    await store.close();
  }
}

function described({ sessions, messages, users }: PurgeCounts): string {
  const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;
  return `${counted(sessions, 'session')}, ${counted(messages, 'message')}, ${counted(users, 'user')}`;
}

function cutoffOf(purgeAfter: number): string {
  return new Date(Date.now() - purgeAfter).toISOString();
}

/** Loads no more than the chosen transport needs: what is loaded is most of the start-up time. */
async function openTransport(
  options: AppOptions,
  createServer: CreateServer,
  changes: HttpOptions['changes'],
): Promise<Transport & { url?: string }> {
  const { config, logger } = options;
  if (!config.http) {
    const { serveOverStdio } = await import('./transports/stdio.ts');
    const { stdin, stdout } = options;
    return serveOverStdio({ stdin, stdout, createServer, logger });
  }
  const { serveOverHttp } = await import('./transports/http.ts');
  const { host, port, allowedHosts } = config;
  return serveOverHttp({ host, port, allowedHosts, createServer, changes, logger });
}

/** Opens the configured store on first use; one that could not be opened is tried again. */
function lazyStore(config: Config, logger: Logger, maintain: boolean) {
  let opening: Promise<Store> | undefined;
  const open = async (): Promise<Store> => {
    const { mongodbUri, mongodbDatabase: database, purgeAfter, sessionsDb } = config;
    if (mongodbUri === undefined) {
      const { openSqliteStore } = await import('./store/sqlite/index.ts');
      logger.info('opening the embedded store', { path: sessionsDb });
      return openSqliteStore(sessionsDb);
    }
    const { createMongoClient, openMongoStore } = await import('./store/mongodb/index.ts');
    logger.info('connecting to MongoDB', { database });
    const client = createMongoClient(mongodbUri);
    return openMongoStore({ client, database, purgeAfter, maintain });
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

/** Sweeps the store at start-up and from then on; returns what stops it. */
function sweep(config: Config, store: () => Promise<Store>, logger: Logger): () => void {
  const { purgeAfter, purgeEvery } = config;
  if (purgeAfter === undefined) return () => {};
  const stopping = new AbortController();
  let timer: NodeJS.Timeout;
  const run = async () => {
    try {
      const cutoff = cutoffOf(purgeAfter);
      const purged = await purgeExpired(await store(), { cutoff, signal: stopping.signal });
      if (purged.sessions + purged.messages + purged.users > 0)
        logger.info('purged', { ...purged });
    } catch (error) {
      logger.warn('the sweep failed and will be tried again', { error });
    }
    if (!stopping.signal.aborted) timer = setTimeout(run, purgeEvery).unref();
  };
  timer = setTimeout(run, Math.min(FIRST_SWEEP_MS, purgeEvery)).unref();
  return () => {
    stopping.abort();
    clearTimeout(timer);
  };
}
