import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ExtractionEvents } from '../../services/extraction/events.ts';

/** Upper bounds in seconds, up to the time limit of a call. */
const BUCKETS = [0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120];

/** What the metrics hear of the extraction of facts by a model. */
export type ExtractionMetrics = Omit<ExtractionEvents, 'blocked'>;

/** Creates the metrics of the extraction of facts by this process. */
export function extractionMetrics(registry: Registry): ExtractionMetrics {
  const registers = [registry];
  const calls = new Histogram({
    name: 'mcp_sessions_extraction_call_duration_seconds',
    help: 'Duration of calls of the model that extracts facts, by outcome.',
    labelNames: ['outcome'] as const,
    buckets: BUCKETS,
    registers,
  });
  const tokens = new Counter({
    name: 'mcp_sessions_extraction_tokens_total',
    help: 'Tokens that the model that extracts facts has used.',
    registers,
  });
  const wrong = new Counter({
    name: 'mcp_sessions_extraction_wrong_answers_total',
    help: 'Answers of that model that could not be used, by what was wrong.',
    labelNames: ['problem'] as const,
    registers,
  });
  const batches = new Counter({
    name: 'mcp_sessions_extraction_batches_total',
    help: 'Batches of messages, by outcome (read or dropped).',
    labelNames: ['outcome'] as const,
    registers,
  });
  const messages = new Counter({
    name: 'mcp_sessions_extraction_messages_total',
    help: 'Messages in these batches.',
    registers,
  });
  const facts = new Counter({
    name: 'mcp_sessions_extraction_facts_total',
    help: 'New facts that were extracted.',
    registers,
  });
  const leads = new Gauge({
    name: 'mcp_sessions_extraction_leads',
    help: '1 at the process that extracts, of all that share a store.',
    registers,
  });
  return {
    call: (outcome, seconds) => calls.observe({ outcome }, seconds),
    tokens: (count) => tokens.inc(count),
    wrong: (problem) => wrong.inc({ problem }),
    batch(result) {
      batches.inc({ outcome: result.dropped === undefined ? 'read' : 'dropped' });
      messages.inc(result.messages);
      facts.inc(result.facts);
    },
    leads: (isLeading) => leads.set(isLeading ? 1 : 0),
  };
}
