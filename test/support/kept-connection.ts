import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that is kept for several requests. */
export class KeptConnection {
  readonly #socket: Socket;
  #received = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').on('error', () => undefined);
    socket.on('data', (text) => {
      this.#received += text;
    });
  }

  static async open(url: string): Promise<KeptConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const connection = new KeptConnection(socket);
    await once(socket, 'connect');
    return connection;
  }

  /**
   * Sends a request and returns the status of the answer.
   *
   * @throws Error when the connection is closed instead
   */
  async send(request: string): Promise<number> {
    this.#received = '';
    this.#socket.write(request);
    for (;;) {
      const status = statusOf(this.#received);
      if (status !== undefined) return status;
      if (this.#socket.closed) throw new Error(`Closed after ${JSON.stringify(this.#received)}`);
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** The status of an answer, once all of it has arrived. */
function statusOf(answer: string): number | undefined {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const whole =
    length === undefined ? answer.endsWith('0\r\n\r\n') : body.length === Number(length);
  return whole ? Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]) : undefined;
}
