import type { CallOutcome } from './call-observer.ts';

/**
 * The global under which an OpenTelemetry SDK of this process registers, for every copy of the API to
 * find. Without an SDK, the API need not even be loaded.
 */
export const TRACING_SDK = Symbol.for('opentelemetry.js.api.1');

/** The name and the attributes of a span, which follow the conventions for the protocol of the call. */
export interface SpanNames {
  name: string;
  attributes: Readonly<Record<string, string>>;
}

/**
 * Runs the work of a call within a span. The span continues the trace of `traceparent` and
 * `tracestate` (W3C Trace Context) in `carrier`, or else the active one.
 *
 * @param outcomeOf names the outcome of a call that has failed
 */
export async function traced<T>(
  { name, attributes }: SpanNames,
  carrier: Readonly<Record<string, unknown>> | undefined,
  work: () => Promise<T>,
  outcomeOf: (error: unknown) => CallOutcome,
): Promise<T> {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await import(
    '@opentelemetry/api'
  );
  const parent = propagation.extract(context.active(), texts(carrier));
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
function texts(carrier: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const { traceparent, tracestate } = carrier;
  return {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
}
