import type { Config } from '../../config/index.ts';
import type { Logger } from '../../domain/logger.ts';
import { REST_ANSWER } from '../../rest/answer-shape.ts';
import { createMemoryService } from '../../services/memory.ts';
import { createSessionService } from '../../services/sessions.ts';
import { createUserService } from '../../services/users.ts';
import { processDependencies } from '../dependencies.ts';
import { lazyStore } from '../open-store.ts';
import { serverUse } from '../store-use.ts';
import { createTarget, type Target } from './target.ts';

/**
 * Prepares the configured store to be imported into, in the configured namespace. It is opened when it is
 * first used, as by a server: it may be a new one, which has to be set up.
 *
 * @returns the target; `ping` resolves when the store answers, and does not wait for one that is down
 */
export function openTarget(
  config: Config,
  logger: Logger,
  signal: AbortSignal,
): { target: Target; ping(): Promise<void>; close(): Promise<void> } {
  const use = serverUse(config, logger);
  const store = lazyStore(config, logger, use);
  // Records are read whole.
  const deps = processDependencies(store, use, { onChange: () => {}, answer: REST_ANSWER });
  const services = {
    users: createUserService(deps),
    sessions: createSessionService(deps),
    memory: createMemoryService(deps),
  };
  return {
    target: createTarget(services, { namespace: config.namespace }, signal),
    ping: async () => (await store.get()).ping(),
    close: store.close,
  };
}
