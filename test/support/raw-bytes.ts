import { once } from 'node:events';
import { connect } from 'node:net';

/** What comes back for bytes that need not be a request of HTTP, to the end of the connection. */
export async function sendBytes(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  let text = '';
  socket.setEncoding('latin1').on('data', (part) => {
    text += part;
  });
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  return text;
}

/** The answer to a request line with some headers, as it came. */
export const ask = (url: string, line: string, headers = 'host: localhost\r\n') =>
  sendBytes(url, `${line} HTTP/1.1\r\n${headers}connection: close\r\n\r\n`);

export const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
