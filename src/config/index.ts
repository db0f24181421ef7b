import { join } from 'node:path';
import type { z } from 'zod';
import { type ConfiguredCommand, type GraphAction, parseCommandLine } from './command-line.ts';
import { ConfigError } from './error.ts';
import { dataDirectory, type Environment, filePath } from './paths.ts';
import { brokenRule } from './rules.ts';
import { labelOf } from './setting.ts';
import {
  type AnySetting,
  type GivenSettings,
  SETTING_ENTRIES,
  SETTINGS,
  type SettingName,
  type SettingValues,
  settingsSchema,
} from './settings.ts';
import { databaseOf } from './store.ts';

export type { GraphAction } from './command-line.ts';
export { ConfigError } from './error.ts';
export { secretsOf } from './secrets.ts';
export { SETTINGS } from './settings.ts';

/** Every setting, checked, with its default. Durations are milliseconds, sizes are bytes. */
export type Config = ReturnType<typeof resolve>;

export type Loaded = { kind: 'config'; config: Config } | { kind: 'help' | 'version' };

/**
 * Reads the configuration from its arguments and nothing else.
 *
 * @param argv the arguments after the program's name
 * @param env the environment; empty values count as unset
 * @param platform as `process.platform`
 * @throws ConfigError when a setting is wrong; the message names it, its value and what is allowed
 */
export function load(argv: readonly string[], env: Environment, platform: string): Loaded {
  const { command, flags, graph } = parseCommandLine(argv);
  if (command === 'help' || command === 'version') return { kind: command };
  if (command === 'token') throw new ConfigError('The command token does not take settings.');
  const given: GivenSettings = {};
  for (const [name, { flag, env: variable }] of SETTING_ENTRIES) {
    const value = (flag && flags[flag]) ?? ((variable && env[variable]) || undefined);
    if (value !== undefined) given[name] = String(value);
  }
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success) throw new ConfigError(describe(parsed.error, given));
  const problem = brokenRule({ command, graph, flags, given, values: parsed.data });
  if (problem !== undefined) throw new ConfigError(problem);
  return { kind: 'config', config: resolve(command, graph, parsed.data, env, platform) };
}

/** Adds the command, and the defaults that depend on the platform or on other settings. */
function resolve(
  command: ConfiguredCommand,
  graph: GraphAction | undefined,
  values: SettingValues,
  env: Environment,
  platform: string,
) {
  const { sessionsDb, authTokensFile, logLevel, mongodbUri, mongodbDatabase } = values;
  return {
    ...values,
    command,
    ...(graph !== undefined && { graph }),
    ...(authTokensFile !== undefined && { authTokensFile: filePath(authTokensFile, env) }),
    sessionsDb:
      sessionsDb === undefined
        ? join(dataDirectory(env, platform), 'sessions.db')
        : filePath(sessionsDb, env),
    mongodbDatabase: mongodbDatabase ?? databaseOf(mongodbUri) ?? 'mcp_sessions',
    logLevel: logLevel ?? (values.http ? 'info' : 'warn'),
  };
}

function describe(error: z.ZodError, given: GivenSettings): string {
  const [issue] = error.issues;
  const name = issue?.path[0] as SettingName;
  const setting: AnySetting = SETTINGS[name];
  const value = setting.secret ? 'a value that is not shown' : JSON.stringify(given[name]);
  return `${labelOf(setting)} is ${value}; allowed is ${issue?.message}.`;
}
