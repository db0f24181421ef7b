#!/usr/bin/env node
import { Console } from 'node:console';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from './app/commands/index.ts';
import { errorMessage } from './app/error-message.ts';
import { survivesHangUp } from './app/hang-up.ts';
import { ConfigError } from './config/error.ts';

/** How long the process waits at its end for its output to be read, in milliseconds. */
const FLUSH_TIMEOUT_MS = 2000;

const EXIT = { ok: 0, failed: 1, misconfigured: 2 } as const;

// stdout belongs to the protocol: what a library prints must not appear between messages.
globalThis.console = new Console(process.stderr, process.stderr);

// The reader of the log may go away. The server continues without it.
process.stderr.on('error', () => {});

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const hangUpIsIgnored = survivesHangUp({ env: process.env, parent: process.ppid });
if (hangUpIsIgnored) process.on('SIGHUP', () => {});

function stopSignal(): Promise<string> {
  const hangUp = hangUpIsIgnored ? [] : (['SIGHUP'] as const);
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', ...hangUp] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(EXIT.failed));
        resolve(signal);
      });
    }
  });
}

/** Waits until everything written to a stream has left the process, unless nobody reads it. */
function flushed(stream: NodeJS.WritableStream): Promise<void> {
  const written = new Promise<void>((resolve) => stream.write('', () => resolve()));
  return Promise.race([written, delay(FLUSH_TIMEOUT_MS)]);
}

let status: number = EXIT.ok;
try {
  const { env, platform, stdin, stdout, stderr } = process;
  const argv = process.argv.slice(2);
  await runCommand({ argv, env, platform, version, stdin, stdout, stderr, stopSignal });
} catch (error) {
  process.stderr.write(`mcp-sessions: ${errorMessage(error)}\n`);
  status = error instanceof ConfigError ? EXIT.misconfigured : EXIT.failed;
}
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(status);
