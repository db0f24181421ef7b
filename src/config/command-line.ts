import { parseArgs } from 'node:util';
import { ConfigError } from './error.ts';
import { SETTING_ENTRIES } from './settings.ts';

/** The commands that take settings. The first one is the default. */
const CONFIGURED_COMMANDS = ['serve', 'purge', 'embed', 'graph', 'import'] as const;
export type ConfiguredCommand = (typeof CONFIGURED_COMMANDS)[number];

/** Everything that a command line can ask for. `token` has a command line of its own. */
export type CommandName = ConfiguredCommand | 'token' | 'help' | 'version';

/** The flags of a command line, by their names without dashes. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>;

/** What the command `graph` does. */
export type GraphAction =
  | { action: 'status' }
  | { action: 'run' }
  | { action: 'rebuild'; user_id: string };

interface CommandLine {
  command: CommandName;
  flags: Flags;
  /** Present for the command `graph`. */
  graph?: GraphAction;
}

/**
 * Reads the command and the flags. `--help` and `--version` win over a command.
 *
 * @param argv the arguments after the program's name
 * @throws ConfigError when there is no such flag or command
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  if (argv[0] === 'token') return { command: 'token', flags: {} };
  const { values: flags, positionals } = parseFlags(argv);
  if (flags.help === true) return { command: 'help', flags };
  if (flags.version === true) return { command: 'version', flags };
  const [named = 'serve', ...more] = positionals;
  const command = CONFIGURED_COMMANDS.find((name) => name === named);
  if (command === 'import') {
    if (more.length === 1 && more[0] === 'zep') return { command, flags };
    throw new ConfigError('The command is import zep: no other kind of server can be imported.');
  }
  if (command === 'graph') return { command, flags, graph: graphAction(more) };
  if (command === undefined || more.length > 0) {
    throw unknownCommand(command === undefined ? named : (more[0] as string));
  }
  return { command, flags };
}

function graphAction([action, ...operands]: readonly string[]): GraphAction {
  const [user_id] = operands;
  if ((action === 'status' || action === 'run') && user_id === undefined) return { action };
  if (action === 'rebuild' && user_id !== undefined && operands.length === 1) {
    return { action, user_id };
  }
  throw new ConfigError('The command is graph status, graph run or graph rebuild USER.');
}

function unknownCommand(name: string): ConfigError {
  if (name === 'token') return new ConfigError('The command token must come before every flag.');
  const names = CONFIGURED_COMMANDS.join(', ');
  return new ConfigError(
    `There is no command ${JSON.stringify(name)}: the commands are ${names} and token; without one, the server serves.`,
  );
}

function parseFlags(argv: readonly string[]) {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  };
  for (const [, { flag, takes }] of SETTING_ENTRIES) {
    if (flag !== undefined) options[flag] = { type: takes === undefined ? 'boolean' : 'string' };
  }
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const [problem] = (error as Error).message.split(/\.\s/);
    throw new ConfigError(`${problem}. See mcp-sessions --help.`);
  }
}
