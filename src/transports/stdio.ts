import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ProtocolErrorCode, type Server } from '@modelcontextprotocol/server';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Logger } from '../logger.ts';
import type { ServedConnection } from '../mcp/server.ts';
import { LineLimit } from './line-limit.ts';
import { countPending } from './pending.ts';
import type { Transport } from './transport.ts';

export interface StdioOptions {
  stdin: Readable;
  stdout: Writable;
  createServer: (connection: ServedConnection) => Server;
  /** The longest message that is read, in bytes. */
  messageMax: number;
  logger: Logger;
}

/** Serves one client over stdin and stdout, in whichever protocol era it opens. */
export function serveOverStdio({
  stdin,
  stdout,
  createServer,
  messageMax,
  logger,
}: StdioOptions): Transport {
  const lines = new LineLimit(messageMax, (id, bytes) => {
    const message = `The message is ${bytes} bytes long, and at most ${messageMax} are read. Nothing was changed. Send less in one call.`;
    const error = { code: ProtocolErrorCode.InvalidRequest, message };
    stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, error })}\n`);
  });
  const wire = new StdioServerTransport(lines, stdout, { maxBufferSize: 2 * messageMax });
  const pending = countPending(wire);
  const handle = serveStdio(({ era }) => createServer({ era, updates: 'server' }), {
    transport: wire,
    onerror: (error) => logger.warn('stdio', { error }),
  });
  // The SDK takes the end of its input for the end of the connection and drops the calls in flight,
  // so it sees that end only when they are answered.
  stdin.pipe(lines, { end: false });

  return {
    ended: Promise.race([
      finished(stdin, { writable: false }).catch(() => undefined),
      new Promise<void>((resolve) => stdout.on('error', () => resolve())),
    ]),
    async close(grace) {
      stdin.unpipe(lines);
      // Lets through what has been read so far, a last line without its newline included.
      await new Promise((resolve) => lines.write('\n', resolve));
      const answered = await pending.drained(grace);
      await handle.close();
      return answered;
    },
  };
}
