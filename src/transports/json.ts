import { HttpError } from './http-error.ts';

/**
 * How many objects and arrays are made of one body. Each takes a moment in which nobody else is
 * served: 16 MiB of nothing but brackets would take seconds.
 */
const CONTAINERS_MAX = 200_000;

/** As much of these as takes about a millisecond counts as one call. */
const BYTES_A_CALL = 256 * 1024;
const CONTAINERS_A_CALL = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/**
 * Parses a body as JSON (RFC 8259).
 *
 * @param charge hears, before it is done, how many calls it should count as
 * @throws HttpError 400 for what is not JSON, 413 for too many objects and arrays
 */
export function parseJson(body: Buffer, charge: (calls: number) => void): unknown {
  // There are no more of them than bytes.
  const containers = body.length > CONTAINERS_A_CALL ? countContainers(body) : 0;
  charge(body.length / BYTES_A_CALL + containers / CONTAINERS_A_CALL);
  if (containers > CONTAINERS_MAX) {
    throw new HttpError(
      413,
      `The body has more than the ${CONTAINERS_MAX} objects and arrays that are read.`,
    );
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'The body is not valid JSON.');
  }
}

/** How many objects and arrays begin in JSON text, outside of strings; stops at too many. */
function countContainers(json: Buffer): number {
  let count = 0;
  let inString = false;
  for (let i = 0; i < json.length && count <= CONTAINERS_MAX; i++) {
    const byte = json[i];
    if (byte === QUOTE) inString = !inString;
    else if (inString && byte === BACKSLASH) i += 1;
    else if (!inString && (byte === BRACKET || byte === BRACE)) count += 1;
  }
  return count;
}
