import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CallEnd, CallObserver } from '../../mcp/calls/call-observer.ts';
import type { PurgeCounts } from '../../store/port.ts';

/** Upper bounds in seconds: from what a read in the embedded file takes to what the limits allow. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What the HTTP server holds at the moment. */
export interface Held {
  connections: number;
  /** Event streams. */
  streams: number;
  /** Bytes of bodies that are on their way, or whose call is under way. */
  bodies: number;
}

export interface Metrics {
  contentType: string;
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>;
  observeCall: CallObserver;
  refused(reason: string): void;
  /** One use of the store, in seconds; `outcome` is `ok` or an error's code. */
  stored(operation: string, outcome: string, seconds: number): void;
  purged(counts: PurgeCounts): void;
}

/**
 * What is measured. No label has a value that a caller chose, nor one for each of them: methods,
 * tools, outcomes and operations are few, and stay so.
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
