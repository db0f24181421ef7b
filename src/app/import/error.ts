/** Why the old server gave no answer that can be used. */
export type SourceProblem =
  /** No connection, or one that broke. */
  | 'unreachable'
  | 'timeout'
  /** 408, 429 or 5xx. */
  | 'failing'
  /** 401 or 403. */
  | 'unauthorized'
  /** 404 or 405. */
  | 'not_found'
  /** Any other status: a redirect, or a request that it does not take. */
  | 'refused'
  /** The answer is longer than is accepted. */
  | 'too_long'
  /** The answer is no JSON, or not the JSON of such a server. */
  | 'foreign';

/** The old server could not be read. The message says what to check, and never has the key in it. */
export class SourceError extends Error {
  readonly problem: SourceProblem;
  /** The status of the answer, if there was one. */
  readonly status: number | undefined;

  constructor(problem: SourceProblem, message: string, status?: number) {
    super(message);
    this.problem = problem;
    this.status = status;
  }
}
