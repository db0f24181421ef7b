/** A request that is refused: the status to answer with, and why. */
export class HttpError extends Error {
  readonly status: number;
  /** To be sent with it. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
