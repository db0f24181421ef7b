import { describe, expect, it } from 'vitest';
import { EMBEDDINGS_API } from '../../../src/search/embeddings/response.ts';
import { CHAT_API } from '../../../src/search/model-api/chat.ts';
import { endpointOf, shown } from '../../../src/search/model-api/endpoint.ts';

const embeddingsEndpoint = (url: string) => endpointOf(EMBEDDINGS_API, url);

describe('the embeddings endpoint', () => {
  it.each([
    ['https://api.openai.com/v1', 'https://api.openai.com/v1/embeddings'],
    ['https://api.openai.com/v1/', 'https://api.openai.com/v1/embeddings'],
    ['https://api.openai.com/v1/embeddings', 'https://api.openai.com/v1/embeddings'],
    ['https://api.openai.com/v1/embeddings/', 'https://api.openai.com/v1/embeddings/'],
    ['http://localhost:11434', 'http://localhost:11434/v1/embeddings'],
    ['http://localhost:11434/v1', 'http://localhost:11434/v1/embeddings'],
    ['http://[::1]:8080/proxy/a', 'http://[::1]:8080/proxy/a/embeddings'],
    ['https://x.example/d/e?api-version=2#f', 'https://x.example/d/e/embeddings?api-version=2'],
  ])('of %s is %s', (url, endpoint) => {
    expect(embeddingsEndpoint(url).url.href).toBe(endpoint);
  });

  it.each(['localhost:11434', 'ftp://example.com/v1', '', '/v1/embeddings'])(
    'is not to be had from %j, and the refusal gives an example',
    (url) => {
      expect(() => embeddingsEndpoint(url)).toThrow(/not an http.*such as https:/);
    },
  );

  it('is refused with credentials in it, which the refusal does not repeat', () => {
    expect(() => embeddingsEndpoint('https://me:s3cret@example.com/v1')).toThrow(
      /^(?!.*s3cret).*apart from the URL/,
    );
  });

  it('is shown without its query, where some APIs have the key', () => {
    expect(shown(embeddingsEndpoint('https://example.com/v1?key=s3cret'))).toBe(
      'https://example.com/v1/embeddings',
    );
  });
});

it.each([
  ['https://api.openai.com/v1', 'https://api.openai.com/v1/chat/completions'],
  ['http://localhost:8080', 'http://localhost:8080/v1/chat/completions'],
  ['http://x.example/v1/chat/completions', 'http://x.example/v1/chat/completions'],
])('the chat completions endpoint of %s is %s', (url, endpoint) => {
  expect(endpointOf(CHAT_API, url).url.href).toBe(endpoint);
});
