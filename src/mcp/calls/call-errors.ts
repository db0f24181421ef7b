import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { DomainError } from '../../domain/errors.ts';
import type { CallOutcome } from '../../services/calls/call-observer.ts';
import { CallCancelled } from '../../services/calls/time-limit.ts';
import { ServiceError } from '../../services/errors.ts';
import type { Audience } from '../answer/audience.ts';
import { errorText } from '../answer/error-text.ts';

/** The name of the outcome of a call that ended with an error. */
export function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof DomainError) return error.code;
  if (error instanceof CallCancelled) return 'CANCELLED';
  if (error instanceof ResourceNotFoundError) return 'NOT_FOUND';
  const isBadRequest =
    error instanceof ProtocolError && error.code === ProtocolErrorCode.InvalidParams;
  return isBadRequest ? 'INVALID_ARGUMENT' : 'INTERNAL';
}

/**
 * The error that a caller sees for one that ended a call.
 *
 * @returns the error, and the cause, which only the log sees
 */
export function toCallerError(
  error: unknown,
  audience: Audience,
): { answer: DomainError | ProtocolError; cause: unknown } {
  if (error instanceof ServiceError) {
    const { code, fact, cause } = error;
    return { answer: new DomainError(code, errorText(fact, audience), { cause }), cause };
  }
  if (error instanceof DomainError || error instanceof ProtocolError) {
    return { answer: error, cause: error.cause };
  }
  const answer = new DomainError(
    'INTERNAL',
    "The server failed in a way it did not expect. The server's log says more; repeating the call may not help.",
  );
  return { answer, cause: error instanceof CallCancelled ? undefined : error };
}
