import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/server';
import type { Logger } from '../domain/logger.ts';
import type { Principal } from '../domain/principal.ts';
import type { ServedConnection } from '../mcp/server.ts';
import type { RateLimiter } from './http/rate-limiter.ts';
import type { Drainable } from './in-flight.ts';

/** Creates the MCP server for one connection or one request. */
export type CreateServer = (connection: ServedConnection, caller: Principal) => Server;

/** The caller of a request, as its credential identifies it. */
export interface Identity {
  caller: Principal;
  /**
   * Whether the credential is still valid. Checked every second for streams, which outlive the
   * request that opened them.
   */
  holds(): Promise<boolean>;
}

/** Authentication of HTTP requests. */
export interface SignIn {
  /**
   * Identifies the caller of a request.
   *
   * @param origin the public origin of this server, such as `https://sessions.example.org`
   * @throws HttpError when the credential is missing, invalid, or cannot be checked
   */
  authenticate(request: IncomingMessage, origin: string): Promise<Identity>;
  /**
   * The public metadata at `path` from which a client learns how to sign in; `undefined` if there
   * is none at this path.
   */
  metadata(path: string, origin: string): object | undefined;
  /** The reason why nobody can sign in at the moment, or `undefined`. It is safe to publish. */
  obstacle(): Promise<string | undefined>;
}

/**
 * Calls the listener with the URI of each resource of the caller that changes. The returned
 * function unsubscribes.
 */
export type ListenToChanges = (caller: Principal, listener: (uri: string) => void) => () => void;

/** A transport that is being served. */
export interface Transport {
  /**
   * Resolves when the client has disconnected and will send no more. Over HTTP it never resolves.
   */
  ended: Promise<void>;
  /**
   * Stops accepting calls, waits up to `grace` milliseconds for those in flight, and closes.
   * Resolves to whether all of them were answered.
   */
  close(grace: number): Promise<boolean>;
}

/** What the HTTP endpoints need. */
export interface EndpointOptions {
  createServer: CreateServer;
  changes: ListenToChanges;
  rateLimiter: RateLimiter;
  /** The longest request body, in bytes. */
  messageMax: number;
  logger: Logger;
}

/** Serves one or more paths of an HTTP server. */
export interface Endpoint extends Drainable {
  /**
   * Serves one request. A thrown `HttpError` is answered with its status.
   *
   * @param requestId identifies the request in the log; the client gets it in the header
   *   `x-request-id`
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
    requestId: string,
  ): Promise<void>;
  close(): Promise<void>;
}
