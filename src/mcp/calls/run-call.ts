import type { CallToolResult, RequestId, ServerContext } from '@modelcontextprotocol/server';
import { DomainError } from '../../domain/errors.ts';
import type { Audience } from '../answer/audience.ts';
import type { Principal } from '../principal.ts';
import { checked } from '../serve-request.ts';
import type { Tool, ToolContext } from '../tool.ts';
import { outcomeOf, toCallerError } from './call-errors.ts';
import type { Call, CallObserver } from './call-observer.ts';
import { withinTime } from './time-limit.ts';
import { TRACING_SDK, traced } from './tracing.ts';

export interface CallOptions {
  observe: CallObserver;
  /** The longest duration of a call without progress, in milliseconds. */
  callTimeout: number;
}

/**
 * Runs one call within its time limit and notifies the observer. All errors end here: it throws
 * only a `DomainError` or `ProtocolError` that the caller may see, and passes the cause to the
 * observer.
 *
 * @param work receives a function to call whenever it has made progress
 */
export type RunCall = <T>(
  name: Pick<Call, 'method' | 'tool'>,
  request: ServerContext,
  work: (progressed: () => void) => Promise<T>,
) => Promise<T>;

/**
 * Called when the work of a call begins. The returned function is called when the work has ended,
 * which may be long after the call was answered or cancelled.
 *
 * @param id the identifier that the caller gave the call
 */
export type Hold = (id: RequestId) => (() => void) | undefined;

/** Whose calls are run. */
interface RunContext extends Audience {
  caller: Principal;
}

/**
 * Returns a function that runs the calls of one caller.
 *
 * @param requestId identifies the HTTP request of the calls; without it, each call gets a new identifier
 * @param hold holds the resources of a call until its work has ended
 */
export function createRunCall(
  { observe, callTimeout }: CallOptions,
  { caller, offers }: RunContext,
  requestId?: string,
  hold?: Hold,
): RunCall {
  return async (name, { mcpReq }, work) => {
    const call: Call = { ...name, caller, request_id: requestId ?? crypto.randomUUID() };
    const started = performance.now();
    const end = observe(call);
    const duration = () => performance.now() - started;
    const run = () => withinTime(callTimeout, mcpReq.signal, work, () => hold?.(mcpReq.id));
    try {
      const result = await (TRACING_SDK in globalThis ? traced(call, mcpReq._meta, run) : run());
      end({ outcome: 'ok', duration_ms: duration() });
      return result;
    } catch (error) {
      const { answer, cause } = toCallerError(error, { caller, offers });
      end({ outcome: outcomeOf(error), duration_ms: duration(), cause });
      throw answer;
    }
  };
}

/**
 * Runs one tool.
 *
 * @param args the arguments as they came; they are checked here
 * @param reportProgress reports progress to a caller who asked for it
 * @returns the result of `tools/call`
 */
export async function runTool(
  tool: Tool,
  args: unknown,
  context: Omit<ToolContext, 'progress'>,
  run: RunCall,
  request: ServerContext,
  reportProgress: (done: number, total: number) => void,
): Promise<CallToolResult> {
  try {
    return await run({ method: 'tools/call', tool: tool.name }, request, async (progressed) => {
      const remarks: string[] = [];
      const input = checked(args ?? {}, tool, (remark) => remarks.push(remark));
      const progress = (done: number, total: number) => {
        progressed();
        reportProgress(done, total);
      };
      const result = await tool.run(input, { ...context, progress });
      const content = remarks.length === 0 ? result : withAdvice(result, remarks);
      return {
        content: [{ type: 'text', text: JSON.stringify(content) }],
        structuredContent: content,
      };
    });
  } catch (error) {
    if (error instanceof DomainError) return errorResult(error);
    throw error;
  }
}

/** Adds remarks on the arguments to the advice of an answer. */
function withAdvice(result: Record<string, unknown>, remarks: readonly string[]) {
  const { advice } = result;
  return { ...result, advice: [...remarks, ...(advice === undefined ? [] : [advice])].join(' ') };
}

function errorResult({ code, message, retryable }: DomainError): CallToolResult {
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}` }],
    structuredContent: { error: { code, message, retryable } },
  };
}
