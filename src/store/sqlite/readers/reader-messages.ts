import { DomainError, type ErrorCode } from '../../../domain/errors.ts';
import type { LongReads } from './reads.ts';

/** What a reader is started with. */
export interface ReaderData {
  path: string;
  /** Whether the server writes nothing, so that nobody may be writing the file. */
  readOnly: boolean;
  /** One number: 1 from when the reader is to end, which the read that it is at notices. */
  stop: Int32Array<SharedArrayBuffer>;
}

/** A read that is asked for. */
export interface ReadRequest {
  id: number;
  read: keyof LongReads;
  args: unknown[];
}

/** What a reader answers or reports. */
export type ReaderMessage =
  | { id: number; result: unknown }
  | { id: number; failure: Failure }
  | { warning: string; fields: Record<string, unknown> };

/** A `DomainError` as it crosses over: classes do not. */
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
