import type { ErrorCode } from '../../domain/errors.ts';
import type { Fields, Logger } from '../../domain/logger.ts';
import type { Principal } from '../../domain/principal.ts';

/** A call as logs, metrics and traces record it. It contains no value chosen by the caller. */
export interface Call {
  /** The method of the protocol. */
  method: string;
  /** The tool, if there is such a tool. */
  tool?: string | undefined;
  caller: Principal;
  request_id: string;
}

/** The outcome of a call. `CANCELLED`: the caller disconnected or cancelled it. */
export type CallOutcome = 'ok' | 'CANCELLED' | ErrorCode;

export interface CallEnd {
  outcome: CallOutcome;
  duration_ms: number;
  /** The cause of an error, if it must not be shown to the caller. */
  cause?: unknown;
}

/**
 * Called when a call begins. The returned function is called with the outcome when it has ended.
 */
export type CallObserver = (call: Call) => (end: CallEnd) => void;

/** Combines several observers into one. */
export function combineObservers(
  ...observers: readonly (CallObserver | undefined)[]
): CallObserver {
  const present = observers.filter((observe) => observe !== undefined);
  const [only] = present;
  if (only !== undefined && present.length === 1) return only;
  return (call) => {
    const ends = present.map((observe) => observe(call));
    return (end) => {
      for (const ended of ends) ended(end);
    };
  };
}

/** Logs a line for every call: method, tool, namespace, outcome and duration. */
export function logCalls(logger: Logger): CallObserver {
  const logsSuccess = logger.enabled('info');
  return (call) => (end) => {
    if (end.outcome === 'INTERNAL') logger.error('call failed', fieldsOf(call, end));
    else if (end.outcome === 'UNAVAILABLE') logger.warn('call failed', fieldsOf(call, end));
    else if (logsSuccess) logger.info('call', fieldsOf(call, end));
  };
}

function fieldsOf({ method, tool, caller, request_id }: Call, end: CallEnd): Fields {
  return {
    method,
    tool,
    namespace: caller.namespace,
    outcome: end.outcome,
    duration_ms: Math.round(end.duration_ms * 10) / 10,
    request_id,
    error: end.cause,
  };
}
