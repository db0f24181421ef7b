import { signInConfigured } from '../../config/auth.ts';
import type { Config } from '../../config/index.ts';
import { GRACE_MS } from '../../transports/limits.ts';
import { startApp } from '../index.ts';
import { storeName } from '../open-store.ts';
import type { App } from '../options.ts';
import type { Invocation } from './command.ts';
import { configure } from './configured.ts';

const STDIO_HINT =
  'mcp-sessions speaks MCP on stdin and stdout, and waits for a client. By hand, try --http or --help.\n';

/**
 * The command `serve`: serves until a stop signal, or on stdio until the client closes stdin.
 *
 * @throws ConfigError when a setting is wrong; the system's error when the address cannot be bound
 */
export async function runServe(invocation: Invocation): Promise<void> {
  const { version, stdin, stdout, stderr } = invocation;
  const { config, logger } = await configure(invocation);
  const stopped = invocation.stopSignal();
  const app = await startApp({ config, version, logger, stdin, stdout });
  if (app.url !== undefined) stderr.write(greeting(app, config, version));
  else if (stdin.isTTY) stderr.write(STDIO_HINT);
  const reason = await Promise.race([stopped, app.transport.ended.then(() => 'end of input')]);
  logger.info('stopping', { reason });
  await app.close(GRACE_MS);
}

/** What a person reads when the HTTP server has started. */
function greeting({ url, opsUrl }: App, config: Config, version: string): string {
  const { publicUrl = url, authTokensFile, insecure, noRest } = config;
  const rest = noRest ? '' : `  ${url}/api   REST, for programs that use Zep's clients\n`;
  const ops = opsUrl === undefined ? '' : `  ${opsUrl}    /healthz, /readyz, /metrics\n`;
  const header = authTokensFile === undefined ? '' : ' --header "Authorization: Bearer TOKEN"';
  const warning =
    insecure && !signInConfigured(config)
      ? 'Callers do not sign in: whoever can reach this address can read and change everything.\n\n'
      : '';
  return `mcp-sessions ${version} keeps sessions in ${storeName(config)} and listens at

  ${url}/mcp   Streamable HTTP
  ${url}/sse   HTTP+SSE, for older clients
${rest}${ops}
Connect a client, for example:

  claude mcp add --transport http sessions ${publicUrl}/mcp${header}

${warning}Stop with Ctrl-C.
`;
}
