#!/usr/bin/env node
import { Console } from 'node:console';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { helpText } from './app/commands/help.ts';
import { assertStoreUsable, runEmbed, runPurge, startApp } from './app/index.ts';
import { createLogger } from './app/logger.ts';
import { signInConfigured } from './config/auth.ts';
import { type Config, ConfigError, load, secretsOf } from './config/index.ts';
import { DomainError } from './domain/errors.ts';
import { GRACE_MS } from './transports/limits.ts';

/** How long the end waits for whoever reads what was printed, in milliseconds. */
const FLUSH_MS = 2000;

/** What the process ends with: 2 for a setting that is wrong, 1 for anything else that failed. */
const EXIT = { ok: 0, failed: 1, misconfigured: 2 } as const;

// stdout belongs to the protocol: what a library prints must not end up between its frames.
globalThis.console = new Console(process.stderr, process.stderr);

// Whoever read the log may be gone: no reason to stop serving.
process.stderr.on('error', () => {});

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

async function main(): Promise<number> {
  const argv = process.argv.slice(2);
  if (argv[0] === 'token') {
    const { runTokenCommand } = await import('./app/commands/token.ts');
    const { stdout, stderr } = process;
    await runTokenCommand(argv.slice(1), process.env, {
      print: (text) => void stdout.write(text),
      explain: (text) => void stderr.write(text),
    });
    return EXIT.ok;
  }
  const loaded = load(argv, process.env, process.platform);
  if (loaded.kind === 'config') return run(loaded.config);
  process.stdout.write(loaded.kind === 'help' ? helpText() : `${version}\n`);
  return EXIT.ok;
}

async function run(config: Config): Promise<number> {
  const write = (line: string) => process.stderr.write(line);
  const logger = createLogger(config.logLevel, write, secretsOf(config));
  if (config.command !== 'serve' && config.mongodbUri === undefined) assertThere(config.sessionsDb);
  await assertStoreUsable(config);
  if (config.command === 'purge') {
    const report = (text: string) => process.stdout.write(text);
    report(`In ${storeOf(config)}:\n`);
    await runPurge(config, logger, report);
    return EXIT.ok;
  }
  if (config.command === 'embed') {
    await runEmbed(config, logger, (text) => process.stdout.write(text));
    return EXIT.ok;
  }
  const stopped = new Promise<string>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      // A second signal means now.
      process.once(signal, () => {
        process.once(signal, () => process.exit(EXIT.failed));
        resolve(signal);
      });
    }
  });
  const { stdin, stdout } = process;
  const app = await startApp({ config, version, logger, stdin, stdout });
  if (app.url !== undefined) process.stderr.write(greeting(app.url, app.opsUrl, config));
  else if (stdin.isTTY) process.stderr.write(STDIO_HINT);
  const reason = await Promise.race([stopped, app.transport.ended.then(() => 'end of input')]);
  logger.info('stopping', { reason });
  await app.close(GRACE_MS);
  return EXIT.ok;
}

const STDIO_HINT =
  'mcp-sessions speaks MCP on stdin and stdout, and waits for a client. By hand, try --http or --help.\n';

/** A command that looks into what there is makes no file where somebody has mistaken its name. */
function assertThere(file: string): void {
  if (existsSync(file)) return;
  throw new ConfigError(`There is no file ${JSON.stringify(file)}: SESSIONS_DB names another.`);
}

/** Where the records are, in words that show no secret. */
const storeOf = ({ mongodbUri, mongodbDatabase, sessionsDb }: Config) =>
  mongodbUri === undefined ? sessionsDb : `the database ${mongodbDatabase} of MongoDB`;

function greeting(url: string, opsUrl: string | undefined, config: Config): string {
  return `mcp-sessions ${version} keeps sessions in ${storeOf(config)} and listens at

  ${url}/mcp   Streamable HTTP
  ${url}/sse   HTTP+SSE, for older clients
${opsUrl === undefined ? '' : `  ${opsUrl}    /healthz, /readyz, /metrics\n`}
Connect a client, for example:

  claude mcp add --transport http sessions ${config.publicUrl ?? url}/mcp${config.authTokensFile === undefined ? '' : ' --header "Authorization: Bearer TOKEN"'}

${config.insecure && !signInConfigured(config) ? 'Nobody has to sign in: whoever reaches this address can read and change everything.\n\n' : ''}Stop with Ctrl-C.
`;
}

/** One line that a person can act on. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof DomainError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return `${message.replace(/^listen /, '')}. Perhaps a server runs there already; choose another port with --port or --ops-port.`;
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `Cannot listen there: ${message}. Choose another --host or --port, --ops-host or --ops-port.`;
  }
  return message;
}

/** Waits until everything written to a stream has left the process, unless nobody reads it. */
function flushed(stream: NodeJS.WritableStream): Promise<void> {
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  return Promise.race([written, delay(FLUSH_MS)]);
}

let status: number;
try {
  status = await main();
} catch (error) {
  process.stderr.write(`mcp-sessions: ${explain(error)}\n`);
  status = error instanceof ConfigError ? EXIT.misconfigured : EXIT.failed;
}
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(status);
