import type { RequestId, ServerContext } from '@modelcontextprotocol/server';
import type { Principal } from '../principal.ts';
import {
  type Call,
  type CallObserver,
  type CallOutcome,
  forCaller,
  outcomeOf,
} from './call-observer.ts';
import { withinTime } from './time-limit.ts';
import { traced } from './tracing.ts';

export interface CallOptions {
  observe: CallObserver;
  /** How long a call may take, or be without progress, in milliseconds. */
  callTimeout: number;
}

/**
 * Does the work of one call, within its time limit and before the eyes of whoever observes calls.
 * This is the one place where errors end: what it throws is fit for the caller, as a `DomainError`
 * or a `ProtocolError`, and what is not goes to the observers.
 *
 * @param work is given a function to call whenever it has got further
 */
export type RunCall = <T>(
  name: Pick<Call, 'method' | 'tool'>,
  request: ServerContext,
  work: (progressed: () => void) => Promise<T>,
) => Promise<T>;

/**
 * Hears that the work of a call begins, and by the function it returns, that it has really ended, which
 * may be long after the call was answered, or taken back.
 *
 * @param id the call's, as its caller named it
 */
export type Hold = (id: RequestId) => (() => void) | undefined;

/**
 * Returns what runs the calls of one caller.
 *
 * @param requestId names the HTTP request that the calls come with; without it each gets a new name
 * @param hold keeps what a call takes until its work has ended
 */
export function createRunCall(
  { observe, callTimeout }: CallOptions,
  caller: Principal,
  requestId?: string,
  hold?: Hold,
): RunCall {
  return async (name, { mcpReq }, work) => {
    const call: Call = { ...name, caller, request_id: requestId ?? crypto.randomUUID() };
    const started = performance.now();
    const end = observe(call);
    const ended = (outcome: CallOutcome, cause?: unknown) =>
      end({ outcome, duration_ms: performance.now() - started, cause });
    try {
      const result = await traced(call, mcpReq._meta, () =>
        withinTime(callTimeout, mcpReq.signal, work, () => hold?.(mcpReq.id)),
      );
      ended('ok');
      return result;
    } catch (error) {
      const answer = forCaller(error);
      const outcome = outcomeOf(error);
      if (answer === error) ended(outcome, answer.cause);
      else ended(outcome, outcome === 'CANCELLED' ? undefined : error);
      throw answer;
    }
  };
}
