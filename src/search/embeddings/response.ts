import { type ModelApi, parseBody, unusable as unusableOf } from '../model-api/endpoint.ts';
import type { EndpointError } from '../model-api/error.ts';

export const EMBEDDINGS_API: ModelApi = {
  name: 'embeddings',
  path: '/embeddings',
  refusal: 'A text may be too long for the model, or the batch too large.',
  model: 'one for embeddings',
};

/**
 * Parses a response of OpenAI's embeddings API: `{ data: [{ index, embedding }] }`, each embedding
 * an array of numbers or base64 of little-endian 32-bit floats.
 *
 * @param count the number of texts in the request
 * @returns the vectors in the order of the texts: all of one dimension, finite, and none zero
 * @throws EndpointError `invalid_answer` for anything else; the message says what arrived
 */
export function readResponse(body: string, count: number): Float32Array[] {
  const data = entries(body);
  if (data.length !== count) throw unusable(`${data.length} vectors for ${count} texts`);
  const vectors = new Array<Float32Array | undefined>(count).fill(undefined);
  for (const [position, entry] of data.entries()) {
    // Servers that embed in parallel return any order, with an index. Servers that omit it keep the
    // order.
    const index = entry?.index ?? position;
    if (!Number.isInteger(index) || index < 0 || index >= count) {
      throw unusable(`a vector whose index is not one of 0 to ${count - 1}`);
    }
    if (vectors[index] !== undefined) throw unusable(`two vectors with the index ${index}`);
    vectors[index] = readVector(entry?.embedding);
  }
  const whole = vectors as Float32Array[];
  const lengths = new Set(whole.map((vector) => vector.length));
  if (lengths.size > 1) throw unusable(`vectors of different lengths: ${[...lengths].join(', ')}`);
  return whole;
}

/** The error for an unusable response. */
export const unusable = (what: string): EndpointError => unusableOf(EMBEDDINGS_API, what);

function entries(body: string): { index?: number; embedding?: unknown }[] {
  const answer = parseBody(EMBEDDINGS_API, body);
  const data = (answer as { data?: unknown } | null)?.data;
  if (!Array.isArray(data)) throw unusable('JSON without a list of vectors in "data"');
  return data;
}

function readVector(embedding: unknown): Float32Array {
  const vector = typeof embedding === 'string' ? fromBase64(embedding) : fromNumbers(embedding);
  if (vector.length === 0) throw unusable('an empty vector');
  let largest = 0;
  for (const entry of vector) {
    if (!Number.isFinite(entry)) throw unusable('a vector with entries that are no numbers');
    largest = Math.max(largest, Math.abs(entry));
  }
  if (largest === 0) throw unusable('a vector of zeros');
  return vector;
}

function fromNumbers(embedding: unknown): Float32Array {
  if (!Array.isArray(embedding)) throw unusable('an entry without an embedding');
  const vector = new Float32Array(embedding.length);
  for (let i = 0; i < vector.length; i++) {
    // A Float32Array would take null for 0, and null is how JSON.stringify writes NaN.
    vector[i] = typeof embedding[i] === 'number' ? embedding[i] : Number.NaN;
  }
  return vector;
}

function fromBase64(embedding: string): Float32Array {
  const bytes = Buffer.from(embedding, 'base64');
  if (bytes.length % 4 !== 0) throw unusable('base64 that is no list of 32-bit floats');
  const vector = new Float32Array(bytes.length / 4);
  for (let i = 0; i < vector.length; i++) vector[i] = bytes.readFloatLE(i * 4);
  return vector;
}
