import { invalidArgument } from '../../domain/errors.ts';

const ADVICE =
  'Give the base URL of an OpenAI-compatible API, such as https://api.openai.com/v1 or http://localhost:11434/v1.';

/**
 * The URL of the embeddings endpoint. A URL whose path ends in `/embeddings` is kept, a base URL
 * gets that appended, and a bare host gets `/v1/embeddings`, as in OpenAI, Ollama, LM Studio, Text
 * Embeddings Inference and vLLM. A query string, such as an API version, is kept.
 *
 * @throws DomainError INVALID_ARGUMENT if it is not an http(s) URL or contains credentials
 */
export function embeddingsEndpoint(url: string): URL {
  const endpoint = URL.canParse(url) ? new URL(url) : undefined;
  if (endpoint === undefined || !/^https?:$/.test(endpoint.protocol)) {
    throw invalidArgument(`The embeddings URL is not an http or https address. ${ADVICE}`);
  }
  if (endpoint.username !== '' || endpoint.password !== '') {
    throw invalidArgument(
      'The embeddings URL has a user name or a password in it. Give the key apart from the URL, as the API key.',
    );
  }
  const path = endpoint.pathname.replace(/\/+$/, '');
  if (!path.endsWith('/embeddings')) endpoint.pathname = `${path || '/v1'}/embeddings`;
  endpoint.hash = '';
  return endpoint;
}

/** The endpoint without its query, which holds the key in some APIs: safe to log. */
export function shown(endpoint: URL): string {
  return endpoint.origin + endpoint.pathname;
}
