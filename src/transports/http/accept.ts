import { HttpError } from './http-error.ts';

/** The forms of an answer that a client accepts. */
export interface Accepted {
  json: boolean;
  stream: boolean;
}

/**
 * Reads the Accept header (RFC 9110 §12.5.1) of a message. Without one, everything is accepted.
 *
 * @throws HttpError 406 when the client accepts neither JSON nor an event stream
 */
export function acceptedBy(accept: string | undefined): Accepted {
  const accepted = {
    json: accepts(accept, 'application/json'),
    stream: accepts(accept, 'text/event-stream'),
  };
  if (accepted.json || accepted.stream) return accepted;
  throw notAcceptable('application/json or text/event-stream');
}

/** @throws HttpError 406 when the client does not accept an event stream */
export function assertAcceptsStream(accept: string | undefined): void {
  if (!accepts(accept, 'text/event-stream')) throw notAcceptable('text/event-stream');
}

/** Whether an Accept header admits a media type. The most specific range that covers it decides. */
function accepts(accept: string | undefined, type: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const [major] = type.split('/');
  const weights = new Map(accept.split(',').map(weightOf));
  // Java's own client sends `*` for `*/*`.
  const ranges = [type, `${major}/*`, '*/*', '*'];
  const weight = ranges.map((range) => weights.get(range)).find((found) => found !== undefined);
  return weight !== undefined && weight > 0;
}

/** A media range without its parameters, and its weight; a malformed weight counts as none. */
function weightOf(item: string): [range: string, weight: number] {
  const [range = '', ...parameters] = item.toLowerCase().split(';');
  const weight = parameters
    .map((parameter) => /^\s*q\s*=\s*([\d.]+)\s*$/.exec(parameter)?.[1])
    .find((found) => found !== undefined);
  return [range.trim(), weight === undefined ? 1 : Number(weight)];
}

function notAcceptable(types: string): HttpError {
  return new HttpError(406, `The answer is ${types}, and the Accept header admits none of it.`);
}
