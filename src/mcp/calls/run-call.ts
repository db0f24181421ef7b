import type { CallToolResult, RequestId, ServerContext } from '@modelcontextprotocol/server';
import { checked } from '../../domain/checked-input.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/principal.ts';
import type { Call } from '../../services/calls/call-observer.ts';
import { type CallOptions, runCall } from '../../services/calls/run-call.ts';
import type { Audience } from '../answer/audience.ts';
import type { Tool, ToolContext } from '../tool.ts';
import { outcomeOf, toCallerError } from './call-errors.ts';

/**
 * Runs one call of a caller: see `runCall` of the services. It throws only a `DomainError` or
 * `ProtocolError` that the caller may see.
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
  options: CallOptions,
  audience: RunContext,
  requestId?: string,
  hold?: Hold,
): RunCall {
  const { caller } = audience;
  const errors = {
    outcomeOf,
    toCallerError: (error: unknown) => toCallerError(error, audience),
  };
  return (name, { mcpReq }, work) => {
    const call: Call = { ...name, caller, request_id: requestId ?? crypto.randomUUID() };
    const request = {
      call,
      span: () => spanNames(call),
      carrier: mcpReq._meta,
      signal: mcpReq.signal,
      hold: () => hold?.(mcpReq.id),
    };
    return runCall(options, request, errors, work);
  };
}

/** Names by the OpenTelemetry conventions for MCP. */
function spanNames({ method, tool, request_id }: Call) {
  const attributes = {
    'mcp.method.name': method,
    'mcp_sessions.request_id': request_id,
    ...(tool !== undefined && {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
    }),
  };
  return { name: tool === undefined ? method : `${method} ${tool}`, attributes };
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
