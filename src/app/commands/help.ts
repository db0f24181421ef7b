import { SETTINGS } from '../../config/index.ts';
import type { Setting } from '../../config/setting.ts';

/** The text of `--help`. */
export function helpText(): string {
  const settings = Object.values<Setting>(SETTINGS);
  const flags = settings
    .filter(({ flag: name }) => name !== undefined)
    .map(({ flag: name, takes, description }) =>
      line(`--${name}${takes === undefined ? '' : ` ${takes}`}`, description),
    );
  const variables = settings
    .filter(({ env }) => env !== undefined)
    .map((setting) => line(setting.env as string, setting.description));
  return `Keeps the conversations of AI agents, as an MCP server.

Usage:
  mcp-sessions [flags]                  serve over stdio, for one MCP client
  mcp-sessions --http [flags]           serve over HTTP
  mcp-sessions purge [--dry-run]        purge now what is past PURGE_AFTER
  mcp-sessions embed                    make vectors of what has none of EMBEDDINGS_MODEL
  mcp-sessions token --help             make, list and revoke tokens to sign in with

Flags:
${flags.join('\n')}
${line('-h, --help', 'Show this.')}
${line('-v, --version', 'Show the version.')}

Environment:
${variables.join('\n')}
`;
}

function line(name: string, description: string): string {
  return `  ${name.padEnd(24)} ${description}`;
}
