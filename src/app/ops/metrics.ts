import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallEnd, CallObserver } from '../../mcp/calls/call-observer.ts';
import type { PurgeCounts } from '../../store/port.ts';

/** Upper bounds in seconds: from a read of the embedded store to the longest call allowed. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The resources that the HTTP server holds at the moment. */
export interface Held {
  connections: number;
  /** The number of open event streams. */
  streams: number;
  /** Bytes of request bodies that are arriving, or whose call is in flight. */
  bodies: number;
}

export interface Metrics {
  contentType: string;
  /** All metrics in the Prometheus text format. */
  text(): Promise<string>;
  observeCall: CallObserver;
  refused(reason: string): void;
  /**
   * Records the duration of one store operation, in seconds; `outcome` is `ok` or an error code.
   */
  stored(operation: string, outcome: string, seconds: number): void;
  purged(counts: PurgeCounts): void;
}

/**
 * The metrics of this server. No label has values that callers choose, or one value per caller: the
 * methods, tools, outcomes and operations are small, fixed sets.
 */
export function createMetrics(held: () => Held): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const calls = new Histogram({
    name: 'mcp_sessions_call_duration_seconds',
    help: 'Calls that ended: by method of the protocol, tool and outcome (ok or an error code).',
    labelNames: ['method', 'tool', 'outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: 'mcp_sessions_calls_in_flight',
    help: 'Calls that have not ended.',
    registers,
  });
  const refusals = new Counter({
    name: 'mcp_sessions_refused_total',
    help: 'HTTP requests that were refused before they became calls: by limit, or HTTP status.',
    labelNames: ['reason'] as const,
    registers,
  });
  const store = new Histogram({
    name: 'mcp_sessions_store_duration_seconds',
    help: 'Uses of the store: by operation and outcome (ok or an error code).',
    labelNames: ['operation', 'outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const purged = new Counter({
    name: 'mcp_sessions_purged_total',
    help: 'Records that this process purged in its sweeps: by kind.',
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
  gauge('mcp_sessions_open_connections', 'HTTP connections.', () => held().connections);
  gauge('mcp_sessions_open_streams', 'Event streams.', () => held().streams);
  gauge('mcp_sessions_body_bytes', 'HTTP bodies that are held.', () => held().bodies);

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
    stored: (operation, outcome, seconds) => store.observe({ operation, outcome }, seconds),
    purged(counts) {
      for (const [kind, count] of Object.entries(counts)) purged.inc({ kind }, count);
    },
  };
}
