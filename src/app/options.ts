import type { Readable, Writable } from 'node:stream';
import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import type { Transport } from '../transports/transport.ts';

/** What an application is made of. The streams carry the protocol on stdio. */
export interface AppOptions {
  config: Config;
  version: string;
  logger: Logger;
  stdin: Readable;
  stdout: Writable;
}

/** A running application. */
export interface App {
  transport: Transport;
  /** Base URL for HTTP clients; absent on stdio. */
  url?: string;
  /** Base URL of `/healthz`, `/readyz` and `/metrics`; absent if they are not served. */
  opsUrl?: string;
  /** Accepts no more calls, waits up to `graceMs` for the calls in flight, and closes the store. */
  close(graceMs: number): Promise<void>;
}
