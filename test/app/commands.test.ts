import { readFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMANDS, runCommand } from '../../src/app/commands/index.ts';
import { parseCommandLine } from '../../src/config/command-line.ts';
import { ConfigError } from '../../src/config/index.ts';

describe('the commands', () => {
  it.each([
    [[], 'serve'],
    [['--http'], 'serve'],
    [['purge', '--dry-run'], 'purge'],
    [['--dry-run', 'purge'], 'purge'],
    [['embed'], 'embed'],
    [['import', 'zep', '--url', 'http://zep.example'], 'import'],
    [['token', '--help'], 'token'],
    [['--help', 'purge'], 'help'],
    [['-v'], 'version'],
  ])('are found in %j: %s', (argv, command) => {
    expect(parseCommandLine(argv).command).toBe(command);
  });

  it.each([[['prune']], [['purge', 'prune']]])('are named when there is none like %j', (argv) => {
    const named = Object.keys(COMMANDS).filter((name) => name !== 'help' && name !== 'version');
    const error = refusal(argv);
    for (const word of ['"prune"', ...named]) expect(error).toContain(word);
  });

  it('do not take a flag before token', () => {
    expect(refusal(['--http', 'token'])).toBe('The command token must come before every flag.');
  });

  it('show help and the version on stdout', async () => {
    expect(await output('--help')).toContain('mcp-sessions purge');
    expect(await output('--version')).toBe('1.2.3\n');
  });

  it.each(['main.ts', 'app/commands/token.ts', 'app/commands/help.ts'])(
    'load neither a database driver nor the MCP SDK with %s',
    (entry) => {
      const loaded = [...staticImports(new URL(`../../src/${entry}`, import.meta.url))];
      expect(loaded).toContain('zod');
      // Shows that the walk finds such an import.
      const serve = new URL('../../src/app/commands/serve.ts', import.meta.url);
      expect(staticImports(serve)).toContain('@modelcontextprotocol/server');
      const heavy =
        /^(mongodb|pino|prom-client|jose|uuid|@.*)$|\/src\/(services|search)\/|\/store\//;
      expect(loaded.filter((path) => heavy.test(path))).toStrictEqual([]);
    },
  );
});

function refusal(argv: string[]): string {
  try {
    parseCommandLine(argv);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the command line was accepted');
}

/** What a command writes to stdout. */
async function output(flag: string): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  await runCommand({
    ...{ argv: [flag], env: {}, platform: 'linux', version: '1.2.3' },
    ...{ stdin, stdout, stderr, stopSignal: () => new Promise(() => {}) },
  });
  return String(stdout.read());
}

/** The files and packages that are loaded with a file, without dynamic and type imports. */
function staticImports(file: URL, found = new Set<string>()): Set<string> {
  const path = fileURLToPath(file).replaceAll('\\', '/');
  if (found.has(path)) return found;
  found.add(path);
  const text = readFileSync(file, 'utf8');
  for (const [, clause, target] of text.matchAll(/^(?:im|ex)port (.*?)from '([^']+)';/gms)) {
    if (clause?.startsWith('type ')) continue;
    if (target?.startsWith('.')) staticImports(new URL(target, file), found);
    else found.add(target as string);
  }
  return found;
}
