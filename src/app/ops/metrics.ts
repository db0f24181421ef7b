import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallEnd, CallObserver } from '../../services/calls/call-observer.ts';
import type { PurgeCounts } from '../../store/port.ts';
import { type ExtractionMetrics, extractionMetrics } from './extraction-metrics.ts';

/** Upper bounds in seconds, from a read in the embedded store to the default time limit of a call. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the HTTP server holds at the moment. */
export interface HttpUsage {
  /** Open connections. */
  connections: number;
  /** Open event streams. */
  streams: number;
  /** Bytes of request bodies that are being received or whose call has not ended, and of long answers. */
  bodies: number;
}

export interface Metrics {
  contentType: string;
  /** All metrics, in the text format of Prometheus. */
  text(): Promise<string>;
  observeCall: CallObserver;
  /** Counts a refused HTTP request, by the limit that it hit or its HTTP status. */
  refused(reason: string): void;
  /** Records one operation of the store; `outcome` is `ok` or an error code. */
  storeUsed(operation: string, outcome: string, seconds: number): void;
  /** Counts the records that one run of the purge removed. */
  purged(counts: PurgeCounts): void;
  /** Creates the metrics of the extraction of facts, which a server without a model does not have. */
  extraction(): ExtractionMetrics;
}

/**
 * Creates the metrics. The number of time series is bounded: labels take their values from fixed sets
 * (methods, tools, outcomes, operations), never from what callers send or from who they are.
 *
 * @param usage is asked with every scrape
 */
export function createMetrics(usage: () => HttpUsage): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const calls = new Histogram({
    name: 'mcp_sessions_call_duration_seconds',
    help: 'Duration of finished calls, by MCP method, tool and outcome (ok or an error code).',
    labelNames: ['method', 'tool', 'outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'mcp_sessions_calls_in_flight',
    help: 'Calls that have not finished.',
    registers,
  });
  const refusals = new Counter({
    name: 'mcp_sessions_refused_total',
    help: 'HTTP requests refused before they became calls, by limit or HTTP status.',
    labelNames: ['reason'] as const,
    registers,
  });
  const store = new Histogram({
    name: 'mcp_sessions_store_duration_seconds',
    help: 'Duration of store operations, by operation and outcome (ok or an error code).',
    labelNames: ['operation', 'outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const purged = new Counter({
    name: 'mcp_sessions_purged_total',
    help: 'Records purged by this process on schedule, by kind.',
    labelNames: ['kind'] as const,
    registers,
  });
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  gauge('mcp_sessions_open_connections', 'Open HTTP connections.', () => usage().connections);
  gauge('mcp_sessions_open_streams', 'Open event streams.', () => usage().streams);
  gauge(
    'mcp_sessions_body_bytes',
    'HTTP request bodies and long answers in memory.',
    () => usage().bodies,
  );

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    observeCall({ method, tool = '' }) {
      inFlight.inc();
      return ({ outcome, duration_ms }: CallEnd) => {
        inFlight.dec();
        calls.observe({ method, tool, outcome }, duration_ms / 1000);
      };
    },
    refused: (reason) => refusals.inc({ reason }),
    storeUsed: (operation, outcome, seconds) => store.observe({ operation, outcome }, seconds),
    purged(counts) {
      for (const [kind, count] of Object.entries(counts)) purged.inc({ kind }, count);
    },
    extraction: () => extractionMetrics(registry),
  };
}
