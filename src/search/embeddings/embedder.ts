import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../model-api/backoff.ts';
import { assertApiKey, endpointOf } from '../model-api/endpoint.ts';
import { EndpointError } from '../model-api/error.ts';
import { post } from '../model-api/request.ts';
import { EMBEDDINGS_API, readResponse, unusable } from './response.ts';

/**
 * The most of a text that is embedded, in UTF-16 code units. Common models read 8,192 tokens. The
 * most token-hungry scripts take about one token per character, so this fits in any language; in
 * English it also fits the 2,048 tokens that are usual for local servers.
 */
const TEXT_MAX_CHARACTERS = 8000;

/** Room for 8,192 numbers per text, at up to 32 bytes each. */
const RESPONSE_MAX_BYTES_PER_TEXT = 256 * 1024;

const ATTEMPTS = 3;
const RETRY_MAX_MS = 5000;

export interface EmbedderOptions {
  /** The base URL of the API, or the full URL that ends in `/embeddings`. */
  url: string;
  model: string;
  /** Sent as a bearer token. */
  apiKey?: string | undefined;
  /** The time-out of one request, in milliseconds. */
  timeout?: number;
  /**
   * The bound of the delay before the second attempt, in milliseconds; doubles with each further
   * one.
   */
  retryDelay?: number;
}

/** Turns texts into vectors. */
export interface Embedder {
  /** The configured model name. Vectors of different models cannot be compared. */
  readonly model: string;
  /**
   * Embeds texts, each truncated to `TEXT_MAX_CHARACTERS`, in one request. Retries errors that may
   * be transient. No text may be blank, because some endpoints refuse those.
   *
   * @param signal cancels the call; a search passes `AbortSignal.timeout(2000)`
   * @returns one vector per text, in order, all of the same dimension, not necessarily normalized
   * @throws EndpointError if embedding fails, or does not succeed before the signal's time-out
   * @throws the signal's reason if it was aborted for another cause
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
}

/**
 * Creates an embedder for an HTTP endpoint with OpenAI's embeddings API.
 *
 * @throws DomainError INVALID_ARGUMENT for an unusable URL or API key
 */
export function createEmbedder(options: EmbedderOptions): Embedder {
  const { model, apiKey, timeout = 60_000, retryDelay = 250 } = options;
  const endpoint = endpointOf(EMBEDDINGS_API, options.url);
  assertApiKey(EMBEDDINGS_API, apiKey);
  let dimensions: number | undefined;

  async function attempt(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    // No encoding_format: some servers refuse it, others ignore it.
    const request = { model, input: texts.map(cutText) };
    const maxBytes = (texts.length + 1) * RESPONSE_MAX_BYTES_PER_TEXT;
    const body = await post(endpoint, request, { apiKey, timeout, maxBytes, signal });
    const vectors = readResponse(body, texts.length);
    const length = vectors[0]?.length;
    dimensions ??= length;
    if (length !== dimensions) {
      throw unusable(
        `vectors of ${length} numbers, and before that vectors of ${dimensions}: another model answers to the same name`,
      );
    }
    return vectors;
  }

  async function embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    if (texts.length === 0) return [];
    for (let failures = 1; ; failures++) {
      try {
        return await attempt(texts, signal);
      } catch (error) {
        const wait = failures < ATTEMPTS ? retryIn(error, failures, retryDelay) : undefined;
        if (wait === undefined) throw error;
        await sleep(wait, undefined, { ...(signal && { signal }) }).catch(() => {
          throw signal?.reason?.name === 'TimeoutError' ? error : signal?.reason;
        });
      }
    }
  }

  return { model, embed };
}

/**
 * Truncates a text to the part that is embedded. The copy is well-formed and does not keep the
 * whole text in memory.
 */
export function cutText(text: string): string {
  return Buffer.from(text.slice(0, TEXT_MAX_CHARACTERS)).toString();
}

/**
 * The delay before a retry in milliseconds; `undefined` if a retry is futile or would take too
 * long.
 */
function retryIn(error: unknown, failures: number, base: number): number | undefined {
  if (!(error instanceof EndpointError)) return undefined;
  if (!['unreachable', 'overloaded', 'failing'].includes(error.problem)) return undefined;
  const wait = Math.max(fullJitter(failures, base, RETRY_MAX_MS), error.retryAfter ?? 0);
  return wait > RETRY_MAX_MS ? undefined : wait;
}
