import type { Setting } from './setting.ts';
import { apiKey, count, durationBetween, endpointUrl, modelName, UNIT_MS } from './values.ts';

/** The model that draws facts from messages. */
export const EXTRACTION_SETTINGS = {
  graphLlmUrl: {
    env: 'GRAPH_LLM_URL',
    schema: endpointUrl.optional(),
    unset: 'only agents state facts',
    help: 'Base URL of an OpenAI-compatible chat completions API. Turns on the extraction of facts by a model: messages of users are sent there.',
  },
  graphLlmModel: {
    env: 'GRAPH_LLM_MODEL',
    schema: modelName.optional(),
    help: 'Model that extracts facts, such as gpt-4.1-mini or qwen3:8b.',
  },
  graphLlmApiKey: {
    env: 'GRAPH_LLM_API_KEY',
    schema: apiKey.optional(),
    help: 'API key for the chat completions API, if it requires one.',
    secret: true,
    needs: ['graphLlmUrl'],
  },
  graphLlmWait: {
    env: 'GRAPH_LLM_WAIT',
    schema: durationBetween(0, UNIT_MS.d, 'a time up to 24h, such as 5m').prefault('5m'),
    help: 'How long the messages of a session are gathered before facts are extracted from fewer than 20 of them.',
    needs: ['graphLlmUrl'],
  },
  graphLlmCallsPerMinute: {
    env: 'GRAPH_LLM_CALLS_PER_MINUTE',
    schema: count(1, 10_000).prefault('10'),
    help: 'Calls of the model a minute, by all servers that share the store.',
    needs: ['graphLlmUrl'],
  },
  graphLlmTokensPerDay: {
    env: 'GRAPH_LLM_TOKENS_PER_DAY',
    schema: count(1000, 999_999_999).prefault('1000000'),
    help: 'Tokens that the model may use a day (UTC), by all servers that share the store. Once they are used, extraction goes on the next day.',
    needs: ['graphLlmUrl'],
  },
} as const satisfies Record<string, Setting>;
