import { type Config, ConfigError, load, secretsOf } from '../../config/index.ts';
import type { Logger } from '../../domain/logger.ts';
import { createLogger } from '../logger.ts';
import { assertStoreExists, assertStoreUsable } from '../open-store.ts';
import type { Invocation } from './command.ts';

/**
 * Loads the settings of a command that uses the store, and creates its logger on stderr.
 *
 * @throws ConfigError when a setting is wrong or the configured store cannot be used
 */
export async function configure(
  invocation: Invocation,
): Promise<{ config: Config; logger: Logger }> {
  const { argv, env, platform, stderr } = invocation;
  const loaded = load(argv, env, platform);
  if (loaded.kind !== 'config') throw new ConfigError(`--${loaded.kind} is not a command.`);
  const { config } = loaded;
  if (['purge', 'embed', 'graph'].includes(config.command)) assertStoreExists(config);
  await assertStoreUsable(config);
  const write = (line: string) => stderr.write(line);
  return { config, logger: createLogger(config.logLevel, write, secretsOf(config)) };
}
