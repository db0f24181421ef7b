import { HttpError } from './http-error.ts';
import { BYTES_PER_CALL } from './rate-limiter.ts';

/**
 * The most objects and arrays in one body. Parsing blocks the event loop: 16 MiB of nothing but
 * brackets would take seconds.
 */
const CONTAINERS_MAX = 200_000;

/**
 * The deepest accepted nesting. Recursive functions in libraries overflow the stack on deeper
 * values.
 */
const DEPTH_MAX = 1000;

/** The number that takes about a millisecond to parse and is charged as one call. */
const CONTAINERS_PER_CALL = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET_OPENS = 0x5b;
const BRACKET_CLOSES = 0x5d;
const BRACE_OPENS = 0x7b;
const BRACE_CLOSES = 0x7d;

/**
 * Parses a body as JSON (RFC 8259).
 *
 * @param charge is called before parsing with the number of calls that the work counts as
 * @throws HttpError 400 for invalid JSON or too deep nesting, 413 for too many objects and arrays
 */
export function parseJson(body: Buffer, charge: (calls: number) => void): unknown {
  // A body of so few bytes can exceed neither limit.
  const { containers, depth } =
    body.length > DEPTH_MAX ? measure(body) : { containers: 0, depth: 0 };
  charge(body.length / BYTES_PER_CALL + containers / CONTAINERS_PER_CALL);
  if (containers > CONTAINERS_MAX) {
    throw new HttpError(
      413,
      `The body has more than the ${CONTAINERS_MAX} objects and arrays that are read.`,
    );
  }
  if (depth > DEPTH_MAX) {
    throw new HttpError(
      400,
      `The body has objects and arrays in one another to more than the ${DEPTH_MAX} levels that are read.`,
    );
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'The body is not valid JSON.');
  }
}

/**
 * Counts the objects and arrays in JSON text, outside of strings, and their nesting depth. Stops
 * when either exceeds its limit.
 */
function measure(json: Buffer): { containers: number; depth: number } {
  let containers = 0;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (byte === QUOTE) inString = !inString;
    else if (inString && byte === BACKSLASH) i += 1;
    else if (inString) continue;
    else if (byte === BRACKET_OPENS || byte === BRACE_OPENS) {
      containers += 1;
      depth += 1;
      if (containers > CONTAINERS_MAX || depth > DEPTH_MAX) break;
    } else if (byte === BRACKET_CLOSES || byte === BRACE_CLOSES) depth -= 1;
  }
  return { containers, depth };
}
