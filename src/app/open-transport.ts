import { localPrincipal } from '../domain/principal.ts';
import type { ServedConnection } from '../mcp/server.ts';
import type { Rest } from '../rest/index.ts';
import type { HttpTransport } from '../transports/http/index.ts';
import type { CreateServer, ListenToChanges, Transport } from '../transports/transport.ts';
import type { AppOptions } from './options.ts';

/** The configured transport. An HTTP transport has a URL and usage figures, too. */
export type OpenTransport = Transport & Partial<HttpTransport>;

/** What a transport calls. */
interface TransportHooks {
  createServer: CreateServer;
  /** Creates the REST API. */
  createRest(): Promise<Rest>;
  listenToChanges: ListenToChanges;
  /** Is told the reason why an HTTP request was refused. */
  onRefused(reason: string): void;
}

/**
 * Opens the configured transport, and loads only that one: loading modules takes most of the start-up time.
 *
 * @throws the system's error when the address cannot be bound; what sign-in throws when it cannot be set up
 */
export async function openTransport(
  options: AppOptions,
  hooks: TransportHooks,
): Promise<OpenTransport> {
  return options.config.http ? openHttp(options, hooks) : openStdio(options, hooks);
}

async function openStdio(options: AppOptions, { createServer }: TransportHooks) {
  const { serveOverStdio } = await import('../transports/stdio/index.ts');
  const { config, stdin, stdout, logger } = options;
  const { messageMax, callsAtOnce } = config;
  const caller = localPrincipal(config.namespace);
  const serve = (connection: ServedConnection) => createServer(connection, caller);
  return serveOverStdio({ stdin, stdout, createServer: serve, messageMax, callsAtOnce, logger });
}

async function openHttp({ config, logger }: AppOptions, hooks: TransportHooks) {
  const { serveOverHttp } = await import('../transports/http/index.ts');
  const { openSignIn } = await import('../transports/auth/index.ts');
  const { host, port, publicUrl, drainDelay, allowedHosts, allowedOrigins } = config;
  const publicHosts = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
  return serveOverHttp({
    host,
    port,
    publicUrl,
    allowedHosts: [...allowedHosts, ...publicHosts],
    allowedOrigins,
    limits: config,
    drainDelay,
    signIn: await openSignIn(config, localPrincipal(config.namespace), logger),
    createServer: hooks.createServer,
    rest: config.noRest ? undefined : await hooks.createRest(),
    changes: hooks.listenToChanges,
    onRefused: hooks.onRefused,
    logger,
  });
}
