import { environmentHelp, flagHelp } from '../../config/reference.ts';
import type { Command } from './command.ts';

/** The text of `--help`, made from the commands and the declarations of the settings. */
export function helpText(commands: readonly Command[]): string {
  const usages = commands.map(({ usage, summary }): [string, string] => [
    `mcp-sessions ${usage}`,
    summary,
  ]);
  return `An MCP server that stores the conversations of AI agents: sessions, messages and users.

Usage:
${lines(usages)}

Flags:
${lines(flagHelp())}

Environment:
${lines(environmentHelp())}
`;
}

/** Two columns, the first as wide as its longest entry. */
function lines(entries: readonly [name: string, text: string][]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join('\n');
}
