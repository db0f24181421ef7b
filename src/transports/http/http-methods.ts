import type { Server as HttpServer } from 'node:http';
import { endConnection } from './client-error.ts';
import { HttpError } from './http-error.ts';

/**
 * Checks that an endpoint supports the method of a request.
 *
 * @param allowed the supported methods; the error message recommends the first
 * @throws HttpError 405 for any other method
 */
export function assertMethod(method: string | undefined, ...allowed: string[]): void {
  if (method !== undefined && allowed.includes(method)) return;
  throw new HttpError(405, `Use ${allowed[0]} here.`, { allow: allowed.join(', ') });
}

/** Answers CONNECT with 405. Without a listener, Node closes the connection without a response. */
export function refuseConnect(http: HttpServer, onRefused: (reason: string) => void): void {
  const text = 'This server is no proxy. MCP is at /mcp, or at /sse for old clients.\n';
  const head = `HTTP/1.1 405 Method Not Allowed\r\nallow: GET, POST\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n`;
  http.on('connect', (_request, socket) => {
    onRefused('http_405');
    endConnection(socket, head + text);
  });
}
