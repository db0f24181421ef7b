import { DomainError, type ErrorCode } from '../../../domain/errors.ts';
import type { LongReads } from './long-reads.ts';

/** The start parameters of a reader thread. */
export interface ReaderData {
  path: string;
  /** Whether the server only reads. Then possibly no process writes the file. */
  readOnly: boolean;
  /** One number. Once it is 1, the current read fails and the reader ends. */
  stop: Int32Array<SharedArrayBuffer>;
}

/** A request for a read. */
export interface ReadRequest {
  id: number;
  read: keyof LongReads;
  args: unknown[];
}

/** A response, or a warning for the log. */
export type ReaderMessage =
  | { id: number; result: unknown }
  | { id: number; failure: Failure }
  | { warning: string; fields: Record<string, unknown> };

/** A `DomainError` in a form that can be cloned between threads, which class instances cannot. */
export interface Failure {
  code: ErrorCode;
  message: string;
  cause: unknown;
}

export function toFailure(error: unknown): Failure {
  if (!(error instanceof DomainError))
    return { code: 'INTERNAL', message: String(error), cause: error };
  const { code, message, cause } = error;
  return { code, message, cause };
}

export const toError = ({ code, message, cause }: Failure): DomainError =>
  new DomainError(code, message, { cause });
