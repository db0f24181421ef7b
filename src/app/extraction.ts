import type { Config } from '../config/index.ts';
import type { Logger } from '../domain/logger.ts';
import type { Dependencies } from '../services/dependencies.ts';
import type { ExtractionEvents } from '../services/extraction/events.ts';
import type { Extractor } from '../services/extraction/worker.ts';
import type { ExtractionMetrics } from './ops/extraction-metrics.ts';

/** Delay of the start, so that the first calls come first. */
const FIRST_RUN_MS = 1000;

/**
 * Creates the part of this process in the extraction of facts by a model.
 *
 * @returns `undefined` if no model is configured
 */
export async function openExtractor(
  config: Config,
  deps: Dependencies,
  logger: Logger,
  metrics?: ExtractionMetrics,
): Promise<Extractor | undefined> {
  const { graphLlmUrl: url, graphLlmModel: model, graphLlmApiKey: apiKey } = config;
  if (url === undefined || model === undefined) return undefined;
  const { createChatModel } = await import('../search/model-api/chat.ts');
  const { Extractor } = await import('../services/extraction/worker.ts');
  const { graphLlmCallsPerMinute, graphLlmTokensPerDay, graphLlmWait } = config;
  return new Extractor({
    deps,
    model: createChatModel({ url, model, apiKey }),
    limits: { callsPerMinute: graphLlmCallsPerMinute, tokensPerDay: graphLlmTokensPerDay },
    waitMs: graphLlmWait,
    holder: deps.newUuid(),
    events: logged(logger, metrics),
  });
}

/**
 * Starts the extraction of facts.
 *
 * @returns `undefined` if no model is configured, and for a server that only reads
 */
export async function startExtraction(
  config: Config,
  deps: Dependencies,
  logger: Logger,
  metrics: ExtractionMetrics | undefined,
): Promise<{ close(): Promise<void> } | undefined> {
  if (config.readOnly) return undefined;
  const extractor = await openExtractor(config, deps, logger, metrics);
  if (extractor === undefined) return undefined;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  const timer = setTimeout(() => {
    running = extractor.run(stopping.signal);
  }, FIRST_RUN_MS).unref();
  return {
    async close() {
      clearTimeout(timer);
      stopping.abort(new Error('the server stops'));
      await running;
    },
  };
}

/** Writes the log, which has no contents. */
const logged = (logger: Logger, metrics?: ExtractionMetrics): ExtractionEvents => ({
  call: (outcome, seconds) => metrics?.call(outcome, seconds),
  tokens: (count) => metrics?.tokens(count),
  wrong(problem) {
    metrics?.wrong(problem);
    logger.info('an answer of the model that extracts facts cannot be used', { problem });
  },
  batch(result) {
    metrics?.batch(result);
    const { messages, facts, dropped } = result;
    if (dropped === undefined) logger.info('facts were extracted', { messages, facts });
    else {
      logger.warn(
        'no facts were extracted from a batch of messages, which is given up; "mcp-sessions graph rebuild USER" has them read again',
        { messages, problem: dropped },
      );
    }
  },
  leads(isLeading) {
    metrics?.leads(isLeading);
    logger.debug(isLeading ? 'this process extracts facts' : 'this process extracts no facts');
  },
  blocked: (error) =>
    logger.warn('facts are not extracted at the moment; it will be tried again', { error }),
});
