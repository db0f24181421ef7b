import { HttpError } from './http-error.ts';

/**
 * How many objects and arrays are made of one body. Each takes a moment in which nobody else is
 * served: 16 MiB of nothing but brackets would take seconds.
 */
const CONTAINERS_MAX = 200_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

/**
 * Parses a body as JSON (RFC 8259).
 *
 * @throws HttpError 400 for what is not JSON, 413 for too many objects and arrays
 */
export function parseJson(body: Buffer): unknown {
  if (body.length > CONTAINERS_MAX && countContainers(body) > CONTAINERS_MAX) {
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
