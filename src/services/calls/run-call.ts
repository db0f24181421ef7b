import type { Call, CallObserver, CallOutcome } from './call-observer.ts';
import { withinTime } from './time-limit.ts';
import { type SpanNames, TRACING_SDK, traced } from './tracing.ts';

export interface CallOptions {
  observe: CallObserver;
  /** The longest duration of a call without progress, in milliseconds. */
  callTimeout: number;
}

/** What a front end knows of one call. */
export interface CallRequest {
  call: Call;
  span(): SpanNames;
  /** Has `traceparent` and `tracestate`, if the caller traces. */
  carrier: Readonly<Record<string, unknown>> | undefined;
  /** Aborts when the caller cancels the call or disconnects. */
  signal: AbortSignal;
  /**
   * Called when the work of the call begins. The returned function is called when the work has ended, which
   * may be long after the call was answered or cancelled.
   */
  hold?(): (() => void) | undefined;
}

/** How a front end sees an error that ended a call. */
export interface ErrorView {
  outcomeOf(error: unknown): CallOutcome;
  /** The error that the caller sees, and the cause, which only the log sees. */
  toCallerError(error: unknown): { answer: Error; cause: unknown };
}

/**
 * Runs one call within its time limit and notifies the observer. All errors end here: it throws only what
 * the caller may see, and passes the cause to the observer.
 *
 * @param work receives a function to call whenever it has made progress
 */
export async function runCall<T>(
  { observe, callTimeout }: CallOptions,
  { call, span, carrier, signal, hold }: CallRequest,
  { outcomeOf, toCallerError }: ErrorView,
  work: (progressed: () => void) => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const end = observe(call);
  const duration = () => performance.now() - started;
  const run = () => withinTime(callTimeout, signal, work, hold);
  try {
    const result = await (TRACING_SDK in globalThis
      ? traced(span(), carrier, run, outcomeOf)
      : run());
    end({ outcome: 'ok', duration_ms: duration() });
    return result;
  } catch (error) {
    const { answer, cause } = toCallerError(error);
    end({ outcome: outcomeOf(error), duration_ms: duration(), cause });
    throw answer;
  }
}
