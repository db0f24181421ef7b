import { type ErrorResponse, invalidRequest, parseError } from '../json-rpc.ts';

/** The code of errors for which JSON-RPC has none. */
const SERVER_ERROR = -32000;

/** A refused request: the HTTP status and message to answer with. */
export class HttpError extends Error {
  readonly status: number;
  /** Additional response headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The label under which metrics count it: one of a small, fixed set. */
  readonly reason: string;
  /** The JSON-RPC error to answer with. */
  readonly response: ErrorResponse;

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
    this.response =
      status === 400
        ? parseError(message)
        : { jsonrpc: '2.0', id: null, error: { code: SERVER_ERROR, message } };
  }
}

/** A body that is JSON, but no message that can be served. */
export class InvalidMessage extends HttpError {
  override readonly response: ErrorResponse;

  constructor(response: ErrorResponse) {
    super(400, response.error.message);
    this.response = response;
  }
}

/** The refusal of a body as a whole. */
export function invalidBody(message: string): InvalidMessage {
  return new InvalidMessage(invalidRequest(message));
}
