// Preloaded into a server by `node --import`, as an OpenTelemetry SDK is: writes each span that ends
// as a line into TRACE_FILE.
import { appendFileSync } from 'node:fs';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { name, kind, attributes, status, parentSpanContext } = span;
      const line = {
        name,
        kind,
        attributes,
        status,
        parent: parentSpanContext,
        ...span.spanContext(),
      };
      appendFileSync(
        process.env.TRACE_FILE,
        `${JSON.stringify({ ...line, traceState: line.traceState?.serialize() })}\n`,
      );
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
);
