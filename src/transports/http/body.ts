import type { IncomingMessage } from 'node:http';
import { HttpError } from './http-error.ts';
import { parseJson } from './json.ts';
import type { Lease } from './rate-limiter.ts';

/** How many times the longest body is read of one that is too long, only to be thrown away. */
const DISCARD_FACTOR = 4;

/** What is thrown away is read no faster than this, in bytes and milliseconds, for the sake of others. */
const DISCARD_SLICE_BYTES = 256 * 1024;
const DISCARD_PAUSE_MS = 10;

/** A body has to go on arriving: this many bytes in each stretch of time, in milliseconds. */
const STRETCH_MS = 5000;
const STRETCH_MIN_BYTES = 5 * 1024;

/**
 * HTTP lets a body come in pieces of one byte, each of which takes this much memory beside it, and a
 * moment in which nobody else is served: beyond the first few, they have to be of some size.
 */
const PIECE_BYTES = 200;
const SMALL_PIECES_MAX = 2000;
const PIECE_MIN_BYTES = 64;

/**
 * Reads a request's body as JSON, and says how many bytes that was.
 *
 * @param maxBytes the longest that is read
 * @param lease counts what has arrived
 * @throws HttpError 408 when it stops arriving, 413 when it is too much, 415 for another content
 *   type, 400 for what is not JSON, and what `lease` throws
 */
export async function readJson(
  request: IncomingMessage,
  maxBytes: number,
  lease: Lease,
): Promise<{ json: unknown; bytes: number }> {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'The Content-Type has to be application/json.');
  }
  const body = await readBytes(request, maxBytes, lease);
  return { json: parseJson(body, lease.charge), bytes: body.length };
}

function readBytes(request: IncomingMessage, maxBytes: number, lease: Lease): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let bytesBefore = 0;
    let pieces = 0;
    let refusal: unknown;
    let discarded = 0;
    let pause: NodeJS.Timeout | undefined;

    const stretch = setInterval(() => {
      if (bytes - bytesBefore < STRETCH_MIN_BYTES) {
        fail(new HttpError(408, 'The body arrives too slowly. Send it again, faster.'));
      }
      bytesBefore = bytes;
    }, STRETCH_MS);
    const fail = (error: unknown) => {
      settle();
      reject(error);
    };
    const settle = () => {
      clearInterval(stretch);
      clearTimeout(pause);
      request.off('data', take).off('end', finish).off('close', giveUp).off('error', giveUp);
    };
    const giveUp = () => fail(new HttpError(400, 'The body ended before it was complete.'));
    const finish = () => {
      if (refusal !== undefined) return fail(refusal);
      settle();
      resolve(Buffer.concat(chunks));
    };
    const refuse = (error: unknown) => {
      refusal = error;
      chunks.length = 0;
      lease.release();
    };
    /** A client that is hung up on while it still writes never sees the answer: let it finish. */
    const discard = (more: number) => {
      if (bytes > DISCARD_FACTOR * maxBytes) return fail(refusal);
      discarded += more;
      if (discarded < DISCARD_SLICE_BYTES) return;
      discarded = 0;
      request.pause();
      pause = setTimeout(() => request.resume(), DISCARD_PAUSE_MS);
    };
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      pieces += 1;
      if (pieces > SMALL_PIECES_MAX && bytes < pieces * PIECE_MIN_BYTES) {
        // Node reads on until this much waits for us, and pieces of one byte hardly count.
        request.pause();
        request.unshift(Buffer.alloc(request.readableHighWaterMark));
        return fail(tooSmallPieces());
      }
      if (refusal !== undefined) return discard(chunk.length);
      try {
        if (bytes > maxBytes) throw tooLong(maxBytes);
        lease.receive(chunk.length + PIECE_BYTES);
        chunks.push(chunk);
      } catch (error) {
        refuse(error);
      }
    };
    if (Number(request.headers['content-length']) > maxBytes) refuse(tooLong(maxBytes));
    request.on('data', take).on('end', finish).on('close', giveUp).on('error', giveUp);
  });
}

function tooSmallPieces(): HttpError {
  return new HttpError(
    413,
    `The body comes in more than ${SMALL_PIECES_MAX} pieces of less than ${PIECE_MIN_BYTES} bytes. Send larger ones.`,
  );
}

function tooLong(maxBytes: number): HttpError {
  return new HttpError(413, `The body is longer than the ${maxBytes} bytes that are read.`);
}
