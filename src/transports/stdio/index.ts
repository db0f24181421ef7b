import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Logger } from '../../domain/logger.ts';
import type { ServedConnection } from '../../mcp/server.ts';
import { trackInFlight } from '../in-flight.ts';
import { invalidRequest } from '../json-rpc.ts';
import type { Transport } from '../transport.ts';
import { BackPressure } from './back-pressure.ts';
import { LineLimit } from './line-limit.ts';
import { StdioWire } from './wire.ts';

export interface StdioOptions {
  stdin: Readable;
  stdout: Writable;
  createServer: (connection: ServedConnection) => Server;
  /** The longest accepted message, in bytes. */
  messageMax: number;
  /** The most calls in flight. Further messages are not read until one has ended. */
  callsAtOnce: number;
  logger: Logger;
}

/** The number of messages of maximum length that may be in flight at once. */
const LONGEST_AT_ONCE = 4;

/** Serves one client over stdin and stdout, in the protocol era that the client opens with. */
export function serveOverStdio({
  stdin,
  stdout,
  createServer,
  messageMax,
  callsAtOnce,
  logger,
}: StdioOptions): Transport {
  // Each response that waits for the client adds a listener.
  stdout.setMaxListeners(0);
  const backPressure = new BackPressure(
    { callsAtOnce, bytes: LONGEST_AT_ONCE * messageMax },
    stdout,
  );
  const refuse = (id: string | number | null, bytes: number) => {
    const message = `The message is ${bytes} bytes long, and at most ${messageMax} are read. Nothing was changed. Send less in one call.`;
    wire.reply(invalidRequest(message, id));
  };
  const lines = new LineLimit(messageMax, refuse, backPressure.whenReady);
  const wire = new StdioWire(lines, stdout, callsAtOnce);
  const inFlight = trackInFlight(wire, backPressure.inFlight, wire.messageBytes);
  const { hold, whenRead } = backPressure;
  const handle = serveStdio(({ era }) => createServer({ era, updates: 'server', hold, whenRead }), {
    transport: wire,
    onerror: (error) => logger.warn('stdio', { error }),
  });
  // The SDK takes the end of its input for the end of the connection and drops the calls in flight.
  // The end of stdin is therefore held back until they are answered.
  stdin.pipe(lines, { end: false });

  return {
    ended: Promise.race([
      finished(stdin, { writable: false }).catch(() => undefined),
      new Promise<void>((resolve) => stdout.on('error', () => resolve())),
    ]),
    async close(grace) {
      const deadline = performance.now() + grace;
      stdin.unpipe(lines);
      // The first newline ends a last line that has none. The second waits until that is delivered.
      const flushed = new Promise<boolean>((resolve) => lines.write('\n\n', () => resolve(true)));
      const read = await Promise.race([flushed, delay(grace, false, { ref: false })]);
      const answered = await inFlight.drained(Math.max(0, deadline - performance.now()));
      await handle.close();
      lines.destroy();
      return read && answered;
    },
  };
}
