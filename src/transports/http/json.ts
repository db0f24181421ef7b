import { HttpError } from './http-error.ts';

/**
 * How many objects and arrays are made of one body. Each takes a moment in which nobody else is
 * served: 16 MiB of nothing but brackets would take seconds.
 */
const CONTAINERS_MAX = 200_000;

/** How deep they may be in one another: what is deeper, libraries walk until the stack ends. */
const DEPTH_MAX = 1000;

/** As much of these as takes about a millisecond counts as one call. */
const BYTES_A_CALL = 256 * 1024;
const CONTAINERS_A_CALL = 10_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET_OPENS = 0x5b;
const BRACKET_CLOSES = 0x5d;
const BRACE_OPENS = 0x7b;
const BRACE_CLOSES = 0x7d;

/**
 * Parses a body as JSON (RFC 8259).
 *
 * @param charge hears, before it is done, how many calls it should count as
 * @throws HttpError 400 for what is not JSON or nests too deeply, 413 for too many objects and arrays
 */
export function parseJson(body: Buffer, charge: (calls: number) => void): unknown {
  // There are no more of them than bytes.
  const { containers, depth } =
    body.length > DEPTH_MAX ? measure(body) : { containers: 0, depth: 0 };
  charge(body.length / BYTES_A_CALL + containers / CONTAINERS_A_CALL);
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
 * How many objects and arrays begin in JSON text, outside of strings, and how deep they are in one
 * another; stops at too much of either.
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
