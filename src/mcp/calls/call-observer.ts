import {
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
} from '@modelcontextprotocol/server';
import { DomainError, type ErrorCode } from '../../domain/errors.ts';
import type { Principal } from '../principal.ts';
import { CallCancelled } from './time-limit.ts';

/** A call as logs, metrics and traces may know it: nothing in it was chosen by the caller. */
export interface Call {
  /** The protocol's name for it. */
  method: string;
  /** The tool that is called, if there is such a tool. */
  tool?: string | undefined;
  caller: Principal;
  request_id: string;
}

/** What became of a call; `CANCELLED` by a caller who went away or no longer wants the answer. */
export type CallOutcome = 'ok' | 'CANCELLED' | ErrorCode;

export interface CallEnd {
  outcome: CallOutcome;
  duration_ms: number;
  /** What went wrong, as far as that is not the caller's to see. */
  cause?: unknown;
}

/** Hears that a call begins, and by the function it returns, how it ended. */
export type CallObserver = (call: Call) => (end: CallEnd) => void;

/** Lets all of them hear of every call. */
export function combineObservers(
  ...observers: readonly (CallObserver | undefined)[]
): CallObserver {
  const present = observers.filter((observe) => observe !== undefined);
  return (call) => {
    const ends = present.map((observe) => observe(call));
    return (end) => {
      for (const ended of ends) ended(end);
    };
  };
}

/** Whether a call that ended so calls for somebody who runs the server to look. */
export function isFailure(outcome: CallOutcome): boolean {
  return outcome === 'UNAVAILABLE' || outcome === 'INTERNAL';
}

/** What an error that ended a call is called. */
export function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof DomainError) return error.code;
  if (error instanceof CallCancelled) return 'CANCELLED';
  if (error instanceof ResourceNotFoundError) return 'NOT_FOUND';
  const isBadRequest =
    error instanceof ProtocolError && error.code === ProtocolErrorCode.InvalidParams;
  return isBadRequest ? 'INVALID_ARGUMENT' : 'INTERNAL';
}

/** The error that a caller may see for one that ended a call. */
export function forCaller(error: unknown): DomainError | ProtocolError {
  if (error instanceof DomainError || error instanceof ProtocolError) return error;
  return new DomainError(
    'INTERNAL',
    "The server failed in a way it did not expect. The server's log says more; repeating the call may not help.",
  );
}
