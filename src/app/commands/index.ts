import { type CommandName, parseCommandLine } from '../../config/command-line.ts';
import type { Command, Invocation } from './command.ts';

/**
 * All commands. Each one loads its own modules: `--help` and `token` load neither a store nor the MCP SDK.
 */
export const COMMANDS: Readonly<Record<CommandName, Command>> = {
  serve: {
    usage: '[serve] [--http] [flags]',
    summary: 'Serve MCP over stdio, or over HTTP with --http.',
    async run(invocation) {
      const { runServe } = await import('./serve.ts');
      await runServe(invocation);
    },
  },
  purge: {
    usage: 'purge [--dry-run]',
    summary: 'Purge now the deleted records whose PURGE_AFTER has passed.',
    async run(invocation) {
      const { runPurge } = await import('./purge.ts');
      await runPurge(invocation);
    },
  },
  embed: {
    usage: 'embed',
    summary: 'Create the embeddings that older messages lack.',
    async run(invocation) {
      const { runEmbed } = await import('./embed.ts');
      await runEmbed(invocation);
    },
  },
  graph: {
    usage: 'graph status|run|rebuild USER',
    summary: 'Show, finish or begin anew the extraction of facts by a model.',
    async run(invocation) {
      const { runGraph } = await import('./graph.ts');
      await runGraph(invocation);
    },
  },
  import: {
    usage: 'import zep --url URL [--api-key KEY] [--api v1|v2]',
    summary: 'Copy the users, sessions and messages of a Zep server into the store.',
    async run(invocation) {
      const { runImport } = await import('./import.ts');
      await runImport(invocation);
    },
  },
  token: {
    usage: 'token --help',
    summary: 'Create, list and revoke access tokens.',
    async run(invocation) {
      const { runToken } = await import('./token.ts');
      await runToken(invocation);
    },
  },
  help: {
    usage: '-h, --help',
    summary: 'Show this help.',
    async run({ stdout }) {
      const { helpText } = await import('./help.ts');
      stdout.write(helpText(Object.values(COMMANDS)));
    },
  },
  version: {
    usage: '-v, --version',
    summary: 'Show the version.',
    async run({ stdout, version }) {
      stdout.write(`${version}\n`);
    },
  },
};

/**
 * Runs the command that the command line names.
 *
 * @throws ConfigError when the command line or a setting is wrong; any other error when the command failed
 */
export async function runCommand(invocation: Invocation): Promise<void> {
  const { command } = parseCommandLine(invocation.argv);
  await COMMANDS[command].run(invocation);
}
