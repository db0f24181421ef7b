import { TOOL_ANSWER } from '../mcp/answer/answer-shape.ts';
import { createServerFactory } from '../mcp/server.ts';
import { ChangeNotifier } from '../mcp/updates/change-notifier.ts';
import { combineObservers, logCalls } from '../services/calls/call-observer.ts';
import { type Dependencies, dependenciesWith } from '../services/dependencies.ts';
import { createFactService } from '../services/facts/index.ts';
import { createMemoryService } from '../services/memory.ts';
import { createSearchService } from '../services/search/index.ts';
import { createSessionService } from '../services/sessions.ts';
import { createUserService } from '../services/users.ts';
import { processDependencies } from './dependencies.ts';
import { startEmbedding } from './embedding.ts';
import { startExtraction } from './extraction.ts';
import { loadMetrics, openOps } from './monitoring.ts';
import { lazyStore } from './open-store.ts';
import { type OpenTransport, openTransport } from './open-transport.ts';
import type { App, AppOptions } from './options.ts';
import { startPurgeSchedule } from './purge-schedule.ts';
import { serverUse } from './store-use.ts';

/**
 * Puts the parts together and starts serving. The store is opened when the first call needs it.
 *
 * @throws the system's error when an address cannot be bound; what sign-in throws when it cannot be set up
 */
export async function startApp(options: AppOptions): Promise<App> {
  const { config, logger } = options;
  let http: OpenTransport | undefined;
  const metrics = await loadMetrics(config, () => http?.held?.());
  const use = serverUse(config, logger);
  const store = lazyStore(config, logger, use, metrics);
  const embeddings = await startEmbedding(config, store.get, logger);
  const changes = new ChangeNotifier();
  const extractsFacts = config.graphLlmUrl !== undefined;
  const deps = processDependencies(store, use, {
    ...{ embeddings, extractsFacts, onChange: changes.notify, answer: TOOL_ANSWER },
  });
  const services = createServices(deps);
  const { version } = options;
  const { toolsets, readOnly, callTimeout } = config;
  const observe = combineObservers(logCalls(logger), metrics?.observeCall);
  const offer = { version, toolsets, readOnly, callTimeout, observe };
  const makeServer = createServerFactory({ ...offer, logger });
  const transport = await openTransport(options, {
    createServer: (connection, caller) => makeServer({ caller, ...services }, changes, connection),
    async createRest() {
      const { createRest } = await import('../rest/index.ts');
      const { REST_ANSWER } = await import('../rest/answer-shape.ts');
      return createRest(
        { ...offer, now: deps.now },
        createServices(dependenciesWith(deps, { answer: REST_ANSWER })),
      );
    },
    listenToChanges: changes.listen.bind(changes),
    onRefused: (reason) => metrics?.refused(reason),
  });
  http = transport;
  const signInObstacle = async () => transport.signInObstacle?.();
  const ops = metrics && (await openOps(config, store.get, signInObstacle, metrics));
  const stopPurging = startPurgeSchedule(config, store.get, logger, metrics?.purged);
  const extractionMetrics = extractsFacts ? metrics?.extraction() : undefined;
  const extraction = await startExtraction(config, deps, logger, extractionMetrics);
  return {
    transport,
    ...(transport.url !== undefined && { url: transport.url }),
    ...(ops !== undefined && { opsUrl: ops.url }),
    async close(graceMs) {
      ops?.stopping();
      stopPurging();
      if (!(await transport.close(graceMs))) {
        logger.warn('calls in flight were cut off', { grace: graceMs });
      }
      ops?.close();
      await extraction?.close();
      await embeddings?.close(graceMs);
      await store.close();
    },
  };
}

const createServices = (deps: Dependencies) => ({
  sessions: createSessionService(deps),
  memory: createMemoryService(deps),
  search: createSearchService(deps),
  users: createUserService(deps),
  facts: createFactService(deps),
});
