import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.ts';
import { MESSAGE_MAX_BYTES } from './limits.ts';

/** How much of an over-long body is read, only to be thrown away. */
const DISCARD_MAX_BYTES = 4 * MESSAGE_MAX_BYTES;

/**
 * Reads a request's body as JSON.
 *
 * @throws HttpError 413 above 16 MiB, 415 for another content type, 400 for what is not JSON
 */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'The Content-Type has to be application/json.');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  const tooLarge = () =>
    new HttpError(413, `The body is longer than the ${MESSAGE_MAX_BYTES} bytes that are read.`);
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // A client that is hung up on while it still writes never sees the answer: let it finish.
    if (bytes > DISCARD_MAX_BYTES) throw tooLarge();
    if (bytes <= MESSAGE_MAX_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (bytes > MESSAGE_MAX_BYTES) throw tooLarge();
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new HttpError(400, 'The body is not valid JSON.');
  }
}
