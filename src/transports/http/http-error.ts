/** A request that is refused: the status to answer with, and why. */
export class HttpError extends Error {
  readonly status: number;
  /** To be sent with it. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it is counted under: one of few words. */
  readonly reason: string;

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    reason = `http_${status}`,
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.reason = reason;
  }
}
