/**
 * The kind of failure, as responses and the log name it: `unreachable` (no connection), `timeout`,
 * `overloaded` (429), `failing` (5xx), `unauthorized` (the key), `misconfigured` (the URL or the
 * model), `refused` (probably this request) and `invalid_answer` (not what the API answers).
 */
export type EndpointProblem =
  | 'unreachable'
  | 'timeout'
  | 'overloaded'
  | 'failing'
  | 'unauthorized'
  | 'misconfigured'
  | 'refused'
  | 'invalid_answer';

/**
 * A model's endpoint gave no usable answer. The message is for the log: it says what the endpoint returned
 * and what to check, never contains the API key, and may quote the endpoint. Callers therefore get
 * `problem` only.
 */
export class EndpointError extends Error {
  readonly problem: EndpointProblem;
  /** The Retry-After delay of the endpoint, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(
    problem: EndpointProblem,
    message: string,
    options: ErrorOptions & { retryAfter?: number | undefined } = {},
  ) {
    super(message, options);
    this.name = 'EndpointError';
    this.problem = problem;
    this.retryAfter = options.retryAfter;
  }
}
