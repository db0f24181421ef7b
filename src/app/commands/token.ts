import { parseArgs } from 'node:util';
import { ConfigError } from '../../config/error.ts';
import { filePath } from '../../config/paths.ts';
import { duration } from '../../config/values.ts';
import { identifier } from '../../domain/identifiers.ts';
import { SCOPES, type Scope } from '../../domain/principal.ts';
import {
  changeTokens,
  newToken,
  readTokens,
  type TokenEntry,
} from '../../transports/auth/token-file.ts';
import type { Invocation } from './command.ts';

const DEFAULT_SCOPES = 'sessions:read,sessions:write';

const HELP = `Creates, lists and revokes the access tokens that HTTP callers sign in with. The file named by
AUTH_TOKENS_FILE stores their hashes. A running server applies every change within seconds.

Usage:
  mcp-sessions token create --namespace NAMESPACE [flags]   create a token and print it, once
  mcp-sessions token list                                   list the tokens without their secrets
  mcp-sessions token revoke ID                              revoke a token

Flags of create:
  --namespace NAMESPACE  The only namespace that the token gives access to.
  --scopes LIST          Comma-separated: ${SCOPES.join(', ')}. Default: ${DEFAULT_SCOPES}.
  --user USER_ID         The only user whose sessions the token gives access to. Default: all users.
  --expires TIME         How long the token is valid, such as 30d. Default: forever.
  --name TEXT            A name that tells the token from others in the list.
`;

interface Output {
  /** Takes the result, for stdout. */
  print(text: string): void;
  /** Takes explanations, for stderr. */
  explain(text: string): void;
}

/**
 * The command `token`, which has flags of its own.
 *
 * @throws ConfigError when an argument is wrong; Error when the file cannot be read or changed
 */
export async function runToken({ argv, env, stdout, stderr }: Invocation): Promise<void> {
  const output: Output = {
    print: (text) => void stdout.write(text),
    explain: (text) => void stderr.write(text),
  };
  const [, ...args] = argv;
  const { values, positionals } = parse(args);
  const [action, ...operands] = positionals;
  if (values.help === true) return output.print(HELP);
  if (!env.AUTH_TOKENS_FILE) {
    throw new ConfigError('AUTH_TOKENS_FILE is not set: it names the file that stores the tokens.');
  }
  const path = filePath(env.AUTH_TOKENS_FILE, env);
  const wanted = action === 'revoke' ? 1 : 0;
  if (!['create', 'list', 'revoke'].includes(action ?? '') || operands.length !== wanted) {
    throw new ConfigError(
      'The command is token create, token list or token revoke ID. See mcp-sessions token --help.',
    );
  }
  const { help: _, ...flags } = values;
  const [idle] = action === 'create' ? [] : Object.keys(flags);
  if (idle !== undefined) throw new ConfigError(`--${idle} belongs to token create: leave it out.`);
  if (action === 'create') await create(path, flags, output);
  else if (action === 'list') await list(path, output);
  else await revoke(path, operands[0] as string, output);
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        ...{ namespace: text, scopes: text, user: text, expires: text, name: text },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    const [problem] = (error as Error).message.split('. ');
    throw new ConfigError(`${problem}. See mcp-sessions token --help.`);
  }
}

async function create(
  path: string,
  flags: Partial<Record<'namespace' | 'scopes' | 'user' | 'expires' | 'name', string>>,
  { print, explain }: Output,
): Promise<void> {
  if (flags.namespace === undefined) {
    throw new ConfigError(
      '--namespace is missing: it names the namespace that the token gives access to.',
    );
  }
  const { token, entry } = newToken(
    {
      ...(flags.name !== undefined && { name: flags.name }),
      namespace: identifierOf('namespace', flags.namespace),
      scopes: scopesOf(flags.scopes),
      ...(flags.user !== undefined && { user_id: identifierOf('user', flags.user) }),
      ...(flags.expires !== undefined && { expires_at: timeAfter(flags.expires) }),
    },
    Date.now(),
  );
  await changeTokens(path, (tokens) => [...tokens, entry]);
  explain(`Token ${entry.id} is in ${path}. Keep it safe; it is not shown again:\n`);
  print(`${token}\n`);
}

async function list(path: string, { print }: Output): Promise<void> {
  for (const entry of await readTokens(path)) print(`${describe(entry)}\n`);
}

async function revoke(path: string, id: string, { explain }: Output): Promise<void> {
  await changeTokens(path, (tokens) => {
    const left = tokens.filter((entry) => entry.id !== id);
    if (left.length < tokens.length) return left;
    throw new ConfigError(
      `There is no token with that identifier in ${path}. token list shows all tokens.`,
    );
  });
  explain(`Token ${id} is revoked.\n`);
}

/** One line of JSON, so that a name cannot imitate another field. */
function describe({ sha256: _, ...entry }: TokenEntry): string {
  const expired = entry.expires_at !== undefined && Date.parse(entry.expires_at) <= Date.now();
  return JSON.stringify({ ...entry, ...(expired && { expired }) });
}

function identifierOf(flag: string, text: string): string {
  const found = identifier('').safeParse(text);
  if (found.success) return found.data;
  throw new ConfigError(`--${flag} ${found.error.issues[0]?.message}.`);
}

function scopesOf(text = DEFAULT_SCOPES): Scope[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !SCOPES.some((scope) => scope === name));
  if (unknown === undefined) return SCOPES.filter((scope) => names.includes(scope));
  throw new ConfigError(
    `--scopes is ${JSON.stringify(text)}; allowed is a comma-separated list of ${SCOPES.join(', ')}.`,
  );
}

function timeAfter(text: string): string {
  const length = duration.safeParse(text);
  const time = length.success && length.data > 0 ? new Date(Date.now() + length.data) : undefined;
  if (time !== undefined && !Number.isNaN(time.getTime())) return time.toISOString();
  throw new ConfigError(`--expires is ${JSON.stringify(text)}; allowed is a time such as 30d.`);
}
