import { type Server as HttpServer, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** How long the rest of what a refused client sends is read, in milliseconds. */
const LINGER_MS = 1000;

/** The status of what Node's parser refuses. All else is 400. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Sends the last bytes of a connection. It is closed when the client has closed its side, or after a second:
 * while bytes of the client are unread, a system that closes a connection resets it, and the client may lose
 * the answer (RFC 9112, section 9.6).
 */
export function endConnection(socket: Duplex, bytes: string): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.on('error', () => socket.destroy());
  socket.end(bytes);
  socket.resume();
}

/** Answers what is no request of HTTP, or is too long. Node itself would close the connection at once. */
export function answerClientErrors(http: HttpServer): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  http.on('request', ({ socket }, response) => responses.set(socket, response));
  http.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Each further part that arrives is an error again.
    if (socket.writableEnded) return;
    const response = responses.get(socket);
    const isInResponse = response?.headersSent === true && !response.writableFinished;
    if (!socket.writable || isInResponse) {
      socket.destroy();
      return;
    }
    const status = STATUSES[error.code ?? ''] ?? 400;
    endConnection(
      socket,
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\n\r\n`,
    );
  });
}
