/**
 * What is the matter with the embeddings endpoint, as answers and the log may name it:
 * `unreachable` (no connection), `timeout`, `overloaded` (429), `failing` (its own fault, 5xx),
 * `unauthorized` (the key), `misconfigured` (the address or the model), `refused` (these very texts,
 * or so it seems) and `invalid_answer` (vectors that nobody can use).
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
 * Texts could not be embedded. The message says what came and what to check; it is made for the log,
 * never holds the API key, and may quote the endpoint, so callers are told `problem` instead.
 */
export class EmbeddingError extends Error {
  readonly problem: EmbeddingProblem;
  /** Milliseconds that the endpoint asked to be left alone for: Retry-After. */
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
