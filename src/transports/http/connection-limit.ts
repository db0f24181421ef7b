import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * How long a reader may leave what is sent to it unread, in milliseconds; twice as long where Node
 * finds that a part of it has moved since.
 */
const UNREAD_MS = 15_000;

/** The connections of a server. */
export interface Connections {
  /** How many are open. */
  count(): number;
  /** Says that whoever gets this response may have what they asked for. */
  admit(response: ServerResponse): void;
}

/**
 * Keeps the connections of a server within a bound. Where a new one is too many, one on which no call
 * is under way makes room: the oldest of those that have not been of use yet, or else the one that
 * has been idle longest. So those who connect and then say nothing, or say it byte by byte, neither
 * keep others out nor throw them out. Connections whose reader has stopped reading are closed.
 * To have been of use takes an answer to somebody who may call: anybody may read the metadata.
 */
export function limitConnections(http: HttpServer, max: number): Connections {
  const open = new Set<Socket>();
  const admitted = new WeakSet<ServerResponse>();
  /** Those of which the last answer that says anything about it was a good one. */
  const useful = new WeakSet<Socket>();
  /** Those on which no call is under way, longest first: without one that was answered well, or with. */
  const strangers = new Set<Socket>();
  const idle = new Set<Socket>();

  http.on('connection', (socket) => {
    open.add(socket);
    strangers.add(socket);
    socket.on('close', () => {
      for (const sockets of [open, strangers, idle]) sockets.delete(socket);
    });
    if (open.size <= max) return;
    const [stranger = socket] = strangers;
    const [longest] = idle;
    const victim = stranger === socket && longest !== undefined ? longest : stranger;
    victim.destroy();
  });

  http.on('request', (request, response) => {
    const { socket } = request;
    const busy = () => {
      strangers.delete(socket);
      idle.delete(socket);
    };
    // One whose body is still on its way has not called yet; one that was refused before, does not.
    if (request.method === 'POST') request.once('end', () => response.closed || busy());
    else busy();
    response.once('close', () => {
      if (!open.has(socket)) return;
      strangers.delete(socket);
      const { statusCode: status } = response;
      if (status < 400) {
        if (admitted.has(response)) useful.add(socket);
      } else if (status !== 429 && status !== 503) useful.delete(socket);
      (useful.has(socket) ? idle : strangers).add(socket);
    });
  });

  // Nothing has come or gone for a while; after an answer, for as long as connections are kept. With a
  // listener, Node leaves it to that to close them: not where a call takes its time or a stream is quiet.
  http.setTimeout(UNREAD_MS, (socket: Socket) => {
    const busy = !idle.has(socket) && !strangers.has(socket);
    if (!busy || socket.writableLength > 0) socket.destroy();
  });

  return { count: () => open.size, admit: (response) => admitted.add(response) };
}
