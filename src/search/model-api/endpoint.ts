import { invalidArgument } from '../../domain/errors.ts';
import { EndpointError } from './error.ts';

/** One of OpenAI's APIs, which other servers speak, too. */
export interface ModelApi {
  /** As in "the embeddings endpoint". */
  name: string;
  /** What follows the base URL. */
  path: string;
  /** Why a request may be refused. */
  refusal: string;
  /** What its model has to be. */
  model: string;
}

/** An endpoint and the API that it speaks. */
export interface Endpoint {
  api: ModelApi;
  url: URL;
}

const ADVICE =
  'Give the base URL of an OpenAI-compatible API, such as https://api.openai.com/v1 or http://localhost:11434/v1.';

/**
 * The endpoint of an API. A URL whose path ends with that of the API is kept, a base URL gets it
 * appended, and a bare host gets `/v1` in front of it, as in OpenAI, Ollama, LM Studio, Text Embeddings
 * Inference and vLLM. A query string, such as an API version, is kept.
 *
 * @throws DomainError INVALID_ARGUMENT if it is not an http(s) URL or contains credentials
 */
export function endpointOf(api: ModelApi, given: string): Endpoint {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalidArgument(`The ${api.name} URL is not an http or https address. ${ADVICE}`);
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidArgument(
      `The ${api.name} URL has a user name or a password in it. Give the key apart from the URL, as the API key.`,
    );
  }
  const path = url.pathname.replace(/\/+$/, '');
  if (!path.endsWith(api.path)) url.pathname = `${path || '/v1'}${api.path}`;
  url.hash = '';
  return { api, url };
}

/**
 * Makes sure that a key can be sent.
 *
 * @throws DomainError INVALID_ARGUMENT, without the key, if it cannot
 */
export function assertApiKey({ name }: ModelApi, apiKey: string | undefined): void {
  if (apiKey === undefined || /^[\x21-\x7e]+$/.test(apiKey)) return;
  throw invalidArgument(
    `The ${name} API key is empty or has a space, a line break or a character outside ASCII in it. Copy it again.`,
  );
}

/** The URL without its query, which holds the key in some APIs: safe to log. */
export const shown = ({ url }: Endpoint): string => url.origin + url.pathname;

/** The endpoint as a log names it. */
export const named = (endpoint: Endpoint): string =>
  `The ${endpoint.api.name} endpoint ${shown(endpoint)}`;

/** The error for an unusable response. @param what what was answered */
export const unusable = ({ name, model }: ModelApi, what: string): EndpointError =>
  new EndpointError(
    'invalid_answer',
    `The ${name} endpoint answered ${what}. Check that its address is that of an OpenAI-compatible ${name} API and that the model is ${model}.`,
  );

/**
 * Parses the body of a response.
 *
 * @throws EndpointError `invalid_answer` for what is not JSON
 */
export function parseBody(api: ModelApi, body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's message quotes the body, which may contain the key.
    const page = /^\s*</.test(body);
    throw unusable(api, page ? 'a web page, which is not JSON' : 'what is not JSON');
  }
}
