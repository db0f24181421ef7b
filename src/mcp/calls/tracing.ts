import { outcomeOf } from './call-errors.ts';
import type { Call } from './call-observer.ts';

/**
 * The global under which an OpenTelemetry SDK of this process registers, for every copy of the API to
 * find. Without an SDK, the API need not even be loaded.
 */
export const TRACING_SDK = Symbol.for('opentelemetry.js.api.1');

/**
 * Runs the work of a call within a span. The span continues the trace of `traceparent` and
 * `tracestate` in the `_meta` of the call (W3C Trace Context), or else that of the HTTP request. Names
 * follow the OpenTelemetry conventions for MCP.
 */
export async function traced<T>(
  call: Call,
  meta: Readonly<Record<string, unknown>> | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await import(
    '@opentelemetry/api'
  );
  const { method, tool, request_id } = call;
  const attributes = {
    'mcp.method.name': method,
    'mcp_sessions.request_id': request_id,
    ...(tool !== undefined && {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
    }),
  };
  const parent = propagation.extract(context.active(), texts(meta));
  const name = tool === undefined ? method : `${method} ${tool}`;
  const span = trace
    .getTracer('mcp-sessions')
    .startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    span.setAttribute('error.type', outcomeOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** The fields that a propagator reads. It expects text, and callers can send anything. */
function texts(meta: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const { traceparent, tracestate } = meta;
  return {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
}
