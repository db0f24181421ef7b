import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError } from './http-error.ts';
import { parseJson } from './json.ts';
import type { Permit } from './rate-limiter.ts';

/**
 * The rest of a body that is too long is discarded, up to this many times the longest accepted
 * body.
 */
const DISCARD_FACTOR = 4;

/** Discarding pauses after each slice, so that it does not slow down other requests. */
const DISCARD_SLICE_BYTES = 256 * 1024;
const DISCARD_PAUSE_MS = 10;

/** The slowest accepted body: at least this many bytes in each period. */
const PROGRESS_PERIOD_MS = 5000;
const PROGRESS_MIN_BYTES = 5 * 1024;

/**
 * HTTP allows chunks of one byte. Each chunk costs this much memory beside its bytes, and
 * event-loop time. Beyond the first `SMALL_CHUNKS_MAX`, chunks therefore need a minimum average
 * size.
 */
const CHUNK_OVERHEAD_BYTES = 200;
const SMALL_CHUNKS_MAX = 2000;
const CHUNK_MIN_BYTES = 64;

/**
 * Reads and parses the JSON body of a request.
 *
 * @param type `any` reads JSON whatever the content type is
 * @param maxBytes the longest accepted body
 * @param permit is charged for the bytes that have arrived and for the parsing
 * @returns the parsed body and its length in bytes
 * @throws HttpError 408 when the body arrives too slowly, 413 when it is too long or its chunks are
 *   too small, 415 for another content type, 400 for invalid JSON, and whatever `permit` throws
 */
export async function readJson(
  request: IncomingMessage,
  maxBytes: number,
  permit: Permit,
  type: 'json' | 'any' = 'json',
): Promise<{ json: unknown; bytes: number }> {
  const { 'content-type': given = '' } = request.headers;
  if (type === 'json' && !/^application\/json\s*(;|$)/i.test(given)) {
    throw new HttpError(415, 'The Content-Type has to be application/json.');
  }
  const body = await readBytes(request, maxBytes, permit);
  return { json: parseJson(body, permit.charge), bytes: body.length };
}

function readBytes(request: IncomingMessage, maxBytes: number, permit: Permit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let bytesAtLastCheck = 0;
    let chunkCount = 0;
    let refusal: unknown;
    let discarded = 0;
    let resumeTimer: NodeJS.Timeout | undefined;

    const progressCheck = setInterval(() => {
      if (bytes - bytesAtLastCheck < PROGRESS_MIN_BYTES) {
        fail(new HttpError(408, 'The body arrives too slowly. Send it again, faster.'));
      }
      bytesAtLastCheck = bytes;
    }, PROGRESS_PERIOD_MS);
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const settle = () => {
      clearInterval(progressCheck);
      clearTimeout(resumeTimer);
      request.off('data', receive).off('end', finish).off('close', abort).off('error', abort);
    };
    const abort = () => fail(new HttpError(400, 'The body ended before it was complete.'));
    const finish = () => {
      if (refusal !== undefined) return fail(refusal);
      settle();
      resolve(Buffer.concat(chunks));
    };
    const refuse = (error: unknown) => {
      refusal = error;
      chunks.length = 0;
      permit.release();
    };
    /**
     * A client whose connection is closed while it still writes never sees the response, so the
     * rest of the body is read first, within limits.
     */
    const discard = (more: number) => {
      if (bytes > DISCARD_FACTOR * maxBytes) return fail(refusal);
      discarded += more;
      if (discarded < DISCARD_SLICE_BYTES) return;
      discarded = 0;
      request.pause();
      resumeTimer = setTimeout(() => request.resume(), DISCARD_PAUSE_MS);
    };
    const receive = (chunk: Buffer) => {
      bytes += chunk.length;
      chunkCount += 1;
      if (chunkCount > SMALL_CHUNKS_MAX && bytes < chunkCount * CHUNK_MIN_BYTES) {
        // Node keeps reading until its buffer reaches the high-water mark, to which chunks of one
        // byte hardly add. Filling the buffer stops it.
        request.pause();
        request.unshift(Buffer.alloc(request.readableHighWaterMark));
        return fail(chunksTooSmall());
      }
      if (refusal !== undefined) return discard(chunk.length);
      try {
        if (bytes > maxBytes) throw bodyTooLong(maxBytes);
        permit.receive(chunk.length + CHUNK_OVERHEAD_BYTES);
        chunks.push(chunk);
      } catch (error) {
        refuse(error);
      }
    };
    if (Number(request.headers['content-length']) > maxBytes) refuse(bodyTooLong(maxBytes));
    request.on('data', receive).on('end', finish).on('close', abort).on('error', abort);
  });
}

function chunksTooSmall(): HttpError {
  return new HttpError(
    413,
    `The body comes in more than ${SMALL_CHUNKS_MAX} pieces of less than ${CHUNK_MIN_BYTES} bytes. Send larger ones.`,
  );
}

function bodyTooLong(maxBytes: number): HttpError {
  return new HttpError(413, `The body is longer than the ${maxBytes} bytes that are read.`);
}

/** The length of a body that may not have been read, as its headers declare it, in bytes. */
export function unreadLength({ complete, headers }: IncomingMessage): number {
  if (complete) return 0;
  if (headers['transfer-encoding'] !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}

/**
 * Lets the connection end with the response if a body that nobody reads is long: Node would discard all of
 * it, as fast as it comes.
 */
export function closeIfLong(
  request: IncomingMessage,
  response: ServerResponse,
  maxBytes: number,
): void {
  if (unreadLength(request) > maxBytes) response.setHeader('connection', 'close');
}
