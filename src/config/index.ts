import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { LOG_LEVELS } from '../domain/logger.ts';
import { TOOLSETS, type Toolset } from '../domain/toolsets.ts';
import { isLoopback } from '../transports/loopback.ts';
import { AUTH_SETTINGS, authShape, signInConfigured } from './auth.ts';
import { EMBEDDING_SETTINGS, embeddingShape } from './embeddings.ts';
import { LIMIT_SETTINGS, limitShape } from './limits.ts';
import { dataDirectory, filePath } from './paths.ts';
import { count, list, type Setting } from './setting.ts';
import { STORE_SETTINGS, storeShape } from './store.ts';

const flag = z
  .enum(['true', 'false', '1', '0'], 'true or false')
  .transform((text) => text === 'true' || text === '1');

/** Every setting there is. */
export const SETTINGS = {
  ...STORE_SETTINGS,
  ...EMBEDDING_SETTINGS,
  logLevel: {
    env: 'LOG_LEVEL',
    flag: 'log-level',
    takes: 'LEVEL',
    description: `${LOG_LEVELS.join(', ')}; goes to stderr. Default: warn, with --http info.`,
  },
  http: { flag: 'http', description: 'Serve Streamable HTTP and HTTP+SSE instead of stdio.' },
  host: {
    flag: 'host',
    takes: 'HOST',
    needs: ['http'],
    description: 'Address to bind. Default: 127.0.0.1.',
  },
  port: {
    flag: 'port',
    takes: 'PORT',
    needs: ['http'],
    description: 'Port to bind; 0 picks one. Default: 3939.',
  },
  opsPort: {
    flag: 'ops-port',
    takes: 'PORT',
    needs: ['http'],
    description: 'Serve /healthz, /readyz and /metrics there; 0 picks one. Default: not at all.',
  },
  opsHost: {
    flag: 'ops-host',
    takes: 'HOST',
    needs: ['http', 'opsPort'],
    description: 'Address to bind for that. Default: the one of --host.',
  },
  ...LIMIT_SETTINGS,
  allowedHosts: {
    env: 'ALLOWED_HOSTS',
    flag: 'allowed-hosts',
    takes: 'LIST',
    description: 'Host names to answer to, by comma, beside localhost and addresses.',
  },
  publicUrl: {
    env: 'PUBLIC_URL',
    description: 'Where clients reach this server through a proxy, such as https://host.',
  },
  ...AUTH_SETTINGS,
  insecure: {
    flag: 'insecure',
    needs: ['http'],
    description: 'Bind to an address that others reach, though nobody has to sign in.',
  },
  toolsets: {
    flag: 'toolsets',
    takes: 'LIST',
    description: `Which tools to offer, by comma: ${TOOLSETS.join(', ')}. Default: all.`,
  },
  readOnly: {
    flag: 'read-only',
    description: 'Offer only tools that change nothing, and write nothing to the store.',
  },
  dryRun: { flag: 'dry-run', description: 'With purge: only say what would be purged.' },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof SETTINGS;
const ENTRIES = Object.entries(SETTINGS) as [SettingName, Setting][];

const schema = z.object({
  ...storeShape,
  ...embeddingShape,
  logLevel: z.enum(LOG_LEVELS, `one of ${LOG_LEVELS.join(', ')}`).optional(),
  http: flag.default(false),
  host: z.string().min(1, 'a host name or address').default('127.0.0.1'),
  port: count(0, 65_535).default(3939),
  opsPort: count(0, 65_535).optional(),
  opsHost: z.string().min(1, 'a host name or address').optional(),
  ...limitShape,
  allowedHosts: z
    .string()
    .transform(list)
    .pipe(
      z.array(z.string().regex(/^[a-z0-9.-]+$/i, 'a list by comma of host names without ports')),
    )
    .default([]),
  publicUrl: z
    .string()
    .regex(
      /^https?:\/\/[a-z0-9.-]+(:\d+)?\/?$/i,
      'the scheme and host of a URL, such as https://sessions.example.org',
    )
    .transform((text) => text.replace(/\/$/, ''))
    .optional(),
  ...authShape,
  insecure: flag.default(false),
  toolsets: z
    .string()
    .transform(list)
    .pipe(z.array(z.enum(TOOLSETS, `a list by comma of ${TOOLSETS.join(', ')}`)).min(1))
    .default([...TOOLSETS]),
  readOnly: flag.default(false),
  dryRun: flag.default(false),
});

/** What can be done: to serve is what is done unless something else is said. */
const COMMANDS = ['serve', 'purge', 'embed'] as const;
type Command = (typeof COMMANDS)[number];

/** Every setting, checked, with its default. Durations are milliseconds. */
export type Config = Omit<
  z.infer<typeof schema>,
  'purgeAfter' | 'sessionsDb' | 'logLevel' | 'toolsets'
> & {
  command: Command;
  /** `undefined`: nothing is ever purged. */
  purgeAfter: number | undefined;
  sessionsDb: string;
  logLevel: (typeof LOG_LEVELS)[number];
  toolsets: Toolset[];
};

/** A setting that cannot be used. The message is one line, fit to be printed as it is. */
export class ConfigError extends Error {}

export type Loaded = { kind: 'config'; config: Config } | { kind: 'help' | 'version' };

/**
 * Reads the configuration from what it is given and nothing else.
 *
 * @param argv the arguments after the program's name
 * @param env the environment; empty values count as unset
 * @param platform as `process.platform`
 * @throws ConfigError when a setting is wrong; the message names it, its value and what is allowed
 */
export function load(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): Loaded {
  const { values, positionals } = parseFlags(argv);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  const [named = 'serve', ...more] = positionals;
  const command = COMMANDS.find((name) => name === named);
  if (command === undefined || more.length > 0) {
    const unknown = command === undefined ? named : more[0];
    throw new ConfigError(
      `There is no command ${JSON.stringify(unknown)}: leave it out to serve, or use purge or embed; token comes before every flag.`,
    );
  }
  const given: Record<string, unknown> = {};
  for (const [name, setting] of ENTRIES) {
    const value =
      (setting.flag && values[setting.flag]) ?? ((setting.env && env[setting.env]) || undefined);
    if (value !== undefined) given[name] = String(value);
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new ConfigError(describe(parsed.error, given));
  const { purgeAfter: kept, sessionsDb, authTokensFile, logLevel, ...rest } = parsed.data;
  const config = {
    ...rest,
    ...(authTokensFile !== undefined && { authTokensFile: filePath(authTokensFile, env) }),
  };
  assertUseful(given);
  if (config.dryRun && command !== 'purge') {
    throw new ConfigError(
      '--dry-run does nothing without the command purge: add it, or leave it out.',
    );
  }
  if (config.readOnly && command !== 'serve' && !config.dryRun) {
    throw new ConfigError(
      `--read-only writes nothing, and the command ${command} has to: leave one of them out.`,
    );
  }
  if ((config.authJwtIssuer === undefined) !== (config.authJwtAudience === undefined)) {
    throw new ConfigError(
      'AUTH_JWT_ISSUER and AUTH_JWT_AUDIENCE are needed together: set both, or none.',
    );
  }
  if ((config.embeddingsUrl === undefined) !== (config.embeddingsModel === undefined)) {
    throw new ConfigError(
      'EMBEDDINGS_URL and EMBEDDINGS_MODEL are needed together: set both, or none.',
    );
  }
  if (command === 'embed' && config.embeddingsUrl === undefined) {
    throw new ConfigError('The command embed needs EMBEDDINGS_URL and EMBEDDINGS_MODEL: set both.');
  }
  if (config.http && !signInConfigured(config) && !config.insecure && !isLoopback(config.host)) {
    throw new ConfigError(
      `--host is ${JSON.stringify(config.host)}, which others can reach, and nobody has to sign in; allowed is any address once AUTH_TOKENS_FILE or AUTH_JWT_ISSUER says who may, or together with --insecure; else 127.0.0.1, ::1 or localhost.`,
    );
  }
  return {
    kind: 'config',
    config: {
      ...config,
      command,
      purgeAfter: kept ?? undefined,
      sessionsDb:
        sessionsDb === undefined
          ? join(dataDirectory(env, platform), 'sessions.db')
          : filePath(sessionsDb, env),
      logLevel: logLevel ?? (config.http ? 'info' : 'warn'),
    },
  };
}

/** The texts of a configuration that no log may show. */
export function secretsOf({ mongodbUri, embeddingsApiKey }: Config): string[] {
  const credentials = /^[^/]*\/\/([^@/?#]*)@/.exec(mongodbUri ?? '')?.[1] ?? '';
  const password = credentials.split(':').slice(1).join(':');
  const decoded = decodedOr(password);
  const secrets = [mongodbUri ?? '', credentials, password, decoded, embeddingsApiKey ?? ''];
  return secrets.filter((secret) => secret.length > 2);
}

function decodedOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function parseFlags(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  };
  for (const [, { flag: name, takes }] of ENTRIES) {
    if (name !== undefined) options[name] = { type: takes === undefined ? 'boolean' : 'string' };
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const [problem] = (error as Error).message.split(/\.\s/);
    throw new ConfigError(`${problem}. See mcp-sessions --help.`);
  }
}

/** Refuses what was given to no purpose: whoever gave it believes that it is in force. */
function assertUseful(given: Record<string, unknown>): void {
  for (const [name, setting] of ENTRIES) {
    if (given[name] === undefined) continue;
    const missing = setting.needs?.find((needed) => given[needed] === undefined);
    if (missing === undefined) continue;
    const needed: Setting = SETTINGS[missing as SettingName];
    const remedy = needed.flag === undefined ? 'set that' : 'add that';
    throw new ConfigError(
      `${labelOf(setting)} does nothing without ${labelOf(needed)}: ${remedy}, or leave it out.`,
    );
  }
}

/** What a setting is called, by those who give it. */
const labelOf = ({ flag: option, env }: Setting) =>
  [option && `--${option}`, env].filter(Boolean).join(' or ');

function describe(error: z.ZodError, given: Record<string, unknown>): string {
  const [issue] = error.issues;
  const name = issue?.path[0] as SettingName;
  const setting: Setting = SETTINGS[name];
  const value = setting.secret ? 'a value that is not shown' : JSON.stringify(given[name]);
  return `${labelOf(setting)} is ${value}; allowed is ${issue?.message}.`;
}
