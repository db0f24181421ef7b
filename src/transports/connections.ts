import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';

/** How long a reader may leave what is sent to it unread, in milliseconds. */
const UNREAD_MS = 30_000;

/**
 * Keeps the connections of a server within a bound. Where a new one is too many, the one that has
 * waited longest without a call makes room: so those who connect and then say nothing, or say it
 * byte by byte, cannot keep others out. Connections whose reader has stopped reading are closed.
 *
 * @returns how many are open
 */
export function boundConnections(http: HttpServer, max: number): () => number {
  const open = new Set<Socket>();
  /** Those on which no call is under way, longest first. */
  const idle = new Set<Socket>();

  http.on('connection', (socket) => {
    open.add(socket);
    idle.add(socket);
    socket.on('close', () => {
      open.delete(socket);
      idle.delete(socket);
    });
    if (open.size <= max) return;
    const [oldest = socket] = idle;
    oldest.destroy();
  });

  http.on('request', (request, response) => {
    const { socket } = request;
    // One whose body is still on its way has not called yet.
    if (request.method === 'POST') request.once('end', () => idle.delete(socket));
    else idle.delete(socket);
    response.once('close', () => {
      if (open.has(socket)) idle.add(socket);
    });
  });

  // With a listener, Node leaves it to that to close the connection: one that has nothing to read,
  // because the call takes its time or the stream is quiet, stays.
  http.setTimeout(UNREAD_MS, (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy();
  });

  return () => open.size;
}
