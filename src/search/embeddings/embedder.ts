import { setTimeout as sleep } from 'node:timers/promises';
import { invalidArgument } from '../../domain/errors.ts';
import { fullJitter } from './backoff.ts';
import { embeddingsEndpoint } from './endpoint.ts';
import { EmbeddingError } from './error.ts';
import { postTexts } from './request.ts';
import { readResponse, unusable } from './response.ts';

/**
 * How much of a text is embedded, in UTF-16 code units. Common models read 8,192 tokens; the scripts
 * that take the most tokens take about one per character, so this much fits whatever the language,
 * and in English fits a local server's usual 2,048 as well.
 */
export const TEXT_MAX_CHARACTERS = 8000;

const ATTEMPTS = 3;
const RETRY_MAX_MS = 5000;

export interface EmbedderOptions {
  /** The API's base URL, or the whole address that ends in `/embeddings`. */
  url: string;
  model: string;
  /** Sent as a bearer token. */
  apiKey?: string | undefined;
  /** How long one request may take, in milliseconds. */
  timeout?: number;
  /** The most that is waited before the second try, in milliseconds; it doubles with each. */
  retryDelay?: number;
}

/** Turns texts into vectors. */
export interface Embedder {
  /** The model as it was configured: vectors of different models cannot be compared. */
  readonly model: string;
  /**
   * Embeds texts, each cut to `TEXT_MAX_CHARACTERS`, in one request, which is tried again when that
   * may help. A text must not be blank: there are endpoints that refuse those.
   *
   * @param signal ends it early; a search gives `AbortSignal.timeout(2000)`
   * @returns a vector for each text, in their order, all of one length, not necessarily of length 1
   * @throws EmbeddingError if there is none to be had, or not before the signal's time-out
   * @throws the signal's reason if it was aborted for any other cause
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]>;
}

/**
 * An embedder that asks an HTTP endpoint which speaks OpenAI's embeddings API.
 *
 * @throws DomainError INVALID_ARGUMENT for a URL or an API key that cannot be used
 */
export function createEmbedder(options: EmbedderOptions): Embedder {
  const { model, apiKey, timeout = 60_000, retryDelay = 250 } = options;
  const endpoint = embeddingsEndpoint(options.url);
  if (apiKey !== undefined && !/^[\x21-\x7e]+$/.test(apiKey)) {
    throw invalidArgument(
      'The embeddings API key is empty or has a space, a line break or a character outside ASCII in it. Copy it again.',
    );
  }
  let dimensions: number | undefined;

  async function attempt(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    // No encoding_format: there are servers that refuse it, and some that ignore it.
    const request = { model, input: texts.map(cutText) };
    const body = await postTexts(endpoint, request, { apiKey, timeout, signal });
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

/** The beginning of a text that is embedded, well-formed, and without holding on to the whole. */
export function cutText(text: string): string {
  return Buffer.from(text.slice(0, TEXT_MAX_CHARACTERS)).toString();
}

/** When to try again, in milliseconds, or undefined if that does not help or takes too long. */
function retryIn(error: unknown, failures: number, base: number): number | undefined {
  if (!(error instanceof EmbeddingError)) return undefined;
  if (!['unreachable', 'overloaded', 'failing'].includes(error.problem)) return undefined;
  const wait = Math.max(fullJitter(failures, base, RETRY_MAX_MS), error.retryAfter ?? 0);
  return wait > RETRY_MAX_MS ? undefined : wait;
}
