import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/server';
import type { ServedConnection } from '../mcp/server.ts';
import type { Drainable } from './pending.ts';

/** Makes a server for one connection, or for one request. */
export type CreateServer = (connection: ServedConnection) => Server;

/** A way in that is being served. */
export interface Transport {
  /** Resolves when the other side has gone and will send no more; on HTTP, never. */
  ended: Promise<void>;
  /**
   * Takes no more calls, waits up to `grace` milliseconds for those in flight, and closes. Says
   * whether all of them were answered.
   */
  close(grace: number): Promise<boolean>;
}

/** What serves one or more paths of an HTTP server. */
export interface Endpoint extends Drainable {
  /** May throw `HttpError`, which is answered with its status. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}
