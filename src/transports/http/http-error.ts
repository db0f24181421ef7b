/** A refused request: the HTTP status and message to answer with. */
export class HttpError extends Error {
  readonly status: number;
  /** Additional response headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The label under which metrics count it: one of a small, fixed set. */
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
