import type { ServerResponse } from 'node:http';
import { escapeLineSeparators } from '../line-separators.ts';

/** U+2028 and U+2029 in UTF-8, one byte a character. */
const SEPARATORS = /\xe2\x80[\xa8\xa9]/g;

/**
 * Escapes U+2028 and U+2029 in everything that is written to a response. The SDK writes most of it,
 * and serializes by itself. All of it is JSON, or events that carry JSON, in whole characters.
 */
export function escapeResponse(response: ServerResponse): void {
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
  response.write = ((chunk: unknown, ...rest: unknown[]) =>
    write(escaped(chunk), ...rest)) as never;
  response.end = ((chunk: unknown, ...rest: unknown[]) => end(escaped(chunk), ...rest)) as never;
}

function escaped(chunk: unknown): unknown {
  if (typeof chunk === 'string') return escapeLineSeparators(chunk);
  if (!(chunk instanceof Uint8Array)) return chunk;
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (!bytes.includes('\u2028') && !bytes.includes('\u2029')) return chunk;
  const text = bytes.toString('latin1');
  return Buffer.from(
    text.replace(SEPARATORS, (found) => (found.endsWith('\xa8') ? '\\u2028' : '\\u2029')),
    'latin1',
  );
}
