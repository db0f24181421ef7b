import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The longest time that a client may leave a response unread. It is twice as long if Node sees that
 * part of the response has been sent meanwhile.
 */
const UNREAD_MS = 15_000;

/** The methods whose bodies are read. */
const WITH_BODY = ['POST', 'PATCH'];

/** The open connections of a server. */
export interface Connections {
  /** The number of open connections. */
  count(): number;
  /** Marks a response as one to an authenticated request. */
  admit(response: ServerResponse): void;
}

/**
 * Limits the connections of a server to `max`. A new connection above the limit closes another one
 * that has no request in flight: the oldest unproven one, or else the one that has been idle
 * longest. Clients that connect and send nothing, or send it byte by byte, therefore neither keep
 * others out nor push others out. A connection whose client has stopped reading is closed.
 *
 * A connection is proven once an authenticated request on it has succeeded. Reading the public
 * metadata does not count.
 */
export function limitConnections(http: HttpServer, max: number): Connections {
  const open = new Set<Socket>();
  const admitted = new WeakSet<ServerResponse>();
  /** Connections whose last decisive response was a success: 429 and 503 do not decide. */
  const proven = new WeakSet<Socket>();
  /** Connections without a request in flight, oldest first: unproven ones, then proven ones. */
  const idleUnproven = new Set<Socket>();
  const idleProven = new Set<Socket>();

  http.on('connection', (socket) => {
    open.add(socket);
    idleUnproven.add(socket);
    socket.on('close', () => {
      for (const sockets of [open, idleUnproven, idleProven]) sockets.delete(socket);
    });
    if (open.size <= max) return;
    const [oldestUnproven = socket] = idleUnproven;
    const [longestIdle] = idleProven;
    const victim =
      oldestUnproven === socket && longestIdle !== undefined ? longestIdle : oldestUnproven;
    victim.destroy();
  });

  http.on('request', (request, response) => {
    const { socket } = request;
    const busy = () => {
      idleUnproven.delete(socket);
      idleProven.delete(socket);
    };
    const { method = '' } = request;
    // Such a request counts as in flight only once its body has arrived, and not if it was refused before.
    if (WITH_BODY.includes(method)) request.once('end', () => response.closed || busy());
    else busy();
    response.once('close', () => {
      if (!open.has(socket)) return;
      idleUnproven.delete(socket);
      const { statusCode: status } = response;
      if (status < 400) {
        if (admitted.has(response)) proven.add(socket);
      } else if (status !== 429 && status !== 503) proven.delete(socket);
      (proven.has(socket) ? idleProven : idleUnproven).add(socket);
    });
  });

  // The time-out is called after a time without traffic, or after a response once the keep-alive
  // time is over. With a listener, Node leaves it to the listener to close the socket. A slow call
  // or a quiet stream keeps its connection.
  http.setTimeout(UNREAD_MS, (socket: Socket) => {
    const busy = !idleProven.has(socket) && !idleUnproven.has(socket);
    if (!busy || socket.writableLength > 0) socket.destroy();
  });

  return { count: () => open.size, admit: (response) => admitted.add(response) };
}
