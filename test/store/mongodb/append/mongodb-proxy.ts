import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The last wire version without `bulkWrite`: MongoDB 7.0's is 21. */
const WITHOUT_BULK_WRITE = 21;

/** How the field looks in BSON, before its four bytes. */
const MAX_WIRE_VERSION = Buffer.from('\x10maxWireVersion\0', 'latin1');

export interface ProxyOptions {
  /** How much longer a round trip takes, in milliseconds. */
  roundTripMs?: number;
  /** Has the server say that it is of a version that has no `bulkWrite`. */
  hidesBulkWrite?: boolean;
  /** Has the server say that it is of this version. */
  wireVersion?: number;
}

/** A way to a MongoDB server that is longer, or seems to lead to an older one. */
export async function openProxy(
  uri: string,
  { roundTripMs = 0, hidesBulkWrite = false, wireVersion }: ProxyOptions,
): Promise<{ uri: string; close(): void }> {
  const { hostname, port } = new URL(uri);
  const open = new Set<Socket>();

  function forward(from: Socket, to: Socket, change: (bytes: Buffer) => Buffer): void {
    open.add(from);
    from.setNoDelay(true);
    // Timers of one length keep their order.
    const later = (work: () => void) =>
      roundTripMs > 0 ? setTimeout(work, roundTripMs / 2) : work();
    from.on('data', (bytes) => later(() => void to.write(change(bytes))));
    from.on('close', () => later(() => to.destroy()));
    from.on('error', () => from.destroy());
  }

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    forward(client, upstream, (bytes) => bytes);
    const version = wireVersion ?? (hidesBulkWrite ? WITHOUT_BULK_WRITE : undefined);
    forward(upstream, client, (bytes) => withVersion(bytes, version));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    // Directly: a replica set would tell the client its own address.
    uri: `mongodb://127.0.0.1:${(server.address() as AddressInfo).port}/?directConnection=true`,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

function withVersion(bytes: Buffer, version: number | undefined): Buffer {
  const at = version === undefined ? -1 : bytes.indexOf(MAX_WIRE_VERSION);
  if (version !== undefined && at >= 0) bytes.writeInt32LE(version, at + MAX_WIRE_VERSION.length);
  return bytes;
}
