import { assertApiKey, endpointOf, type ModelApi, parseBody, unusable } from './endpoint.ts';
import { EndpointError } from './error.ts';
import { post } from './request.ts';

export const CHAT_API: ModelApi = {
  name: 'chat completions',
  path: '/chat/completions',
  refusal: 'The request may be too long for the model.',
  model: 'one for chats',
};

/** The largest answer that is read. One fact takes some hundred bytes. */
const RESPONSE_MAX_BYTES = 1024 * 1024;

/** The bytes of a token, on average, where the endpoint does not count them. */
const BYTES_PER_TOKEN = 4;

export interface ChatOptions {
  /** The base URL of the API, or the full URL that ends in `/chat/completions`. */
  url: string;
  model: string;
  /** Sent as a bearer token. */
  apiKey?: string | undefined;
  /** The time-out of one request, in milliseconds. */
  timeout?: number;
}

/** What a model is asked. */
export interface ChatRequest {
  /** What it is told to do. */
  system: string;
  /** What it is to do that with. */
  user: string;
  /** The form of its answer. */
  schema: { name: string; schema: object };
}

export interface ChatAnswer {
  /**
   * What the model wrote, which should be JSON; `undefined` if it did not come to an end or refused to
   * answer.
   */
  text: string | undefined;
  /** Those of the request and the answer. */
  tokens: number;
}

/** A model that answers with JSON. */
export interface ChatModel {
  /** The configured model name. */
  readonly model: string;
  /**
   * Asks the model once. Nothing is retried.
   *
   * @throws EndpointError if the endpoint gives no answer
   * @throws the signal's reason if it was aborted
   */
  complete(request: ChatRequest, signal?: AbortSignal): Promise<ChatAnswer>;
}

/**
 * Creates a client of an HTTP endpoint with OpenAI's chat completions API. A server that refuses
 * `response_format` is asked without it from then on, with the schema in the text.
 *
 * @throws DomainError INVALID_ARGUMENT for an unusable URL or API key
 */
export function createChatModel(options: ChatOptions): ChatModel {
  const { model, apiKey, timeout = 120_000 } = options;
  const endpoint = endpointOf(CHAT_API, options.url);
  assertApiKey(CHAT_API, apiKey);
  const limits = { apiKey, timeout, maxBytes: RESPONSE_MAX_BYTES };
  let takesSchemas = true;

  // Neither a temperature nor a limit of tokens: some models refuse the one, some the other.
  async function ask(request: ChatRequest, signal: AbortSignal | undefined): Promise<ChatAnswer> {
    const sent = { model, ...(takesSchemas ? withSchema(request) : inText(request)) };
    const answer = readAnswer(await post(endpoint, sent, { ...limits, signal }));
    const estimate = Buffer.byteLength(JSON.stringify(sent.messages)) + (answer.text ?? '').length;
    return {
      text: takesSchemas ? answer.text : objectIn(answer.text),
      tokens: answer.tokens ?? Math.ceil(estimate / BYTES_PER_TOKEN),
    };
  }

  return {
    model,
    async complete(request, signal) {
      try {
        return await ask(request, signal);
      } catch (error) {
        const isRefused = error instanceof EndpointError && error.problem === 'refused';
        if (!isRefused || !takesSchemas) throw error;
        takesSchemas = false;
        return await ask(request, signal).catch((second: unknown) => {
          // It was not the schema.
          takesSchemas = true;
          throw second;
        });
      }
    },
  };
}

const messagesOf = (system: string, user: string) => [
  { role: 'system', content: system },
  { role: 'user', content: user },
];

const withSchema = ({ system, user, schema }: ChatRequest) => ({
  messages: messagesOf(system, user),
  response_format: { type: 'json_schema', json_schema: { ...schema, strict: true } },
});

const inText = ({ system, user, schema }: ChatRequest) => ({
  messages: messagesOf(
    `${system}\n\nAnswer with one JSON object and nothing else. It has to fit this JSON Schema:\n${JSON.stringify(schema.schema)}`,
    user,
  ),
});

/** The JSON object in a text that may have words or a code fence around it. */
const objectIn = (text: string | undefined): string | undefined =>
  text?.slice(Math.max(0, text.indexOf('{')), text.lastIndexOf('}') + 1);

interface Completion {
  choices?: { message?: { content?: unknown; refusal?: unknown }; finish_reason?: unknown }[];
  usage?: { total_tokens?: unknown };
}

/** @throws EndpointError `invalid_answer` for what is no completion */
function readAnswer(body: string): { text: string | undefined; tokens: number | undefined } {
  const completion = parseBody(CHAT_API, body) as Completion | null;
  const choices = completion?.choices;
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  if (typeof choice?.message !== 'object' || choice.message === null) {
    throw unusable(CHAT_API, 'JSON without a message in "choices"');
  }
  const { content, refusal } = choice.message;
  const isWhole =
    typeof content === 'string' &&
    typeof refusal !== 'string' &&
    !['length', 'content_filter'].includes(String(choice.finish_reason));
  const total = completion?.usage?.total_tokens;
  return {
    text: isWhole ? content : undefined,
    tokens: Number.isSafeInteger(total) && Number(total) > 0 ? Number(total) : undefined,
  };
}
