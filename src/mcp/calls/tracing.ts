import { type Call, outcomeOf } from './call-observer.ts';

/**
 * Where an OpenTelemetry SDK that was started in this process puts itself, for every copy of the API
 * to find. Without one the API need not even be loaded.
 */
const SDK = Symbol.for('opentelemetry.js.api.1');

/**
 * Does the work of a call within a span, if an OpenTelemetry SDK is present. The span continues the
 * trace that `traceparent` and `tracestate` of the call's `_meta` belong to (W3C Trace Context), or
 * else that of the HTTP request. Named after OpenTelemetry's conventions for MCP.
 */
export async function traced<T>(
  call: Call,
  meta: Readonly<Record<string, unknown>> | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (!(SDK in globalThis)) return work();
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

/** What a propagator may read: it expects text, and callers can send anything. */
function texts(meta: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const { traceparent, tracestate } = meta;
  return {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
}
