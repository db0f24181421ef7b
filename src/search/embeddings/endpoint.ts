import { invalidArgument } from '../../domain/errors.ts';

const ADVICE =
  'Give the base URL of an OpenAI-compatible API, such as https://api.openai.com/v1 or http://localhost:11434/v1.';

/**
 * Where embeddings are asked for. An address whose path ends in `/embeddings` is taken as it is, a
 * base URL gets that appended, and a bare host gets `/v1/embeddings`, where OpenAI, Ollama, LM Studio,
 * Text Embeddings Inference and vLLM all have it. A query string (an API version, say) is kept.
 *
 * @throws DomainError INVALID_ARGUMENT for what is no http(s) URL, and for one with credentials in it
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

/** The endpoint as it may be shown: without its query, which in some APIs holds the key. */
export function shown(endpoint: URL): string {
  return endpoint.origin + endpoint.pathname;
}
