/**
 * The kind of failure, as responses and the log name it: `unreachable` (no connection), `timeout`,
 * `overloaded` (429), `failing` (5xx), `unauthorized` (the key), `misconfigured` (the URL or the
 * model), `refused` (probably these texts) and `invalid_answer` (unusable vectors).
 */
export type EmbeddingProblem =
  | 'unreachable'
  | 'timeout'
  | 'overloaded'
  | 'failing'
  | 'unauthorized'
  | 'misconfigured'
  | 'refused'
  | 'invalid_answer';

/**
 * Texts could not be embedded. The message is for the log: it says what the endpoint returned and
 * what to check, never contains the API key, and may quote the endpoint. Callers therefore get
 * `problem` only.
 */
export class EmbeddingError extends Error {
  readonly problem: EmbeddingProblem;
  /** The Retry-After delay of the endpoint, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(
    problem: EmbeddingProblem,
    message: string,
    options: ErrorOptions & { retryAfter?: number | undefined } = {},
  ) {
    super(message, options);
    this.name = 'EmbeddingError';
    this.problem = problem;
    this.retryAfter = options.retryAfter;
  }
}
