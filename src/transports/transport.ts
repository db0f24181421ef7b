import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/server';
import type { Logger } from '../domain/logger.ts';
import type { Principal } from '../mcp/principal.ts';
import type { ServedConnection } from '../mcp/server.ts';
import type { RateLimiter } from './http/rate-limiter.ts';
import type { Drainable } from './in-flight.ts';

/** Makes a server for one connection, or for one request. */
export type CreateServer = (connection: ServedConnection, caller: Principal) => Server;

/** Who a request comes from. */
export interface Identity {
  caller: Principal;
  /** Whether the credential is still good: streams that outlive their request ask every second. */
  holds(): Promise<boolean>;
}

/** How callers say who they are. */
export interface SignIn {
  /**
   * Finds out who a request comes from.
   *
   * @param origin the server's address as clients know it, such as `https://sessions.example.org`
   * @throws HttpError
   */
  authenticate(request: IncomingMessage, origin: string): Promise<Identity>;
  /** What anybody may read at `path`, in order to find out how to sign in. */
  metadata(path: string, origin: string): object | undefined;
  /** Why nobody can sign in at the moment, in words that anybody may read, if so. */
  obstacle(): Promise<string | undefined>;
}

/** Calls the listener with the URI of each resource that changes for the caller, until told to stop. */
export type ListenToChanges = (caller: Principal, listener: (uri: string) => void) => () => void;

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

/** What the ways in over HTTP are made of. */
export interface EndpointOptions {
  createServer: CreateServer;
  changes: ListenToChanges;
  rateLimiter: RateLimiter;
  /** The longest body that is read, in bytes. */
  messageMax: number;
  logger: Logger;
}

/** What serves one or more paths of an HTTP server. */
export interface Endpoint extends Drainable {
  /**
   * May throw `HttpError`, which is answered with its status.
   *
   * @param requestId names the request in logs; its sender is told
   */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    identity: Identity,
    requestId: string,
  ): Promise<void>;
  close(): Promise<void>;
}
