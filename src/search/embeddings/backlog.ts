import { cutText } from './embedder.ts';

/** The default batch limit of Text Embeddings Inference; other servers accept more. */
export const BATCH_ITEMS = 32;
/** Safely below OpenAI's limit of 300,000 tokens per request, in any script. */
const BATCH_CHARACTERS = 64_000;
/** A single text that is refused is halved and retried until it is this short. */
const SHORTEST_TEXT_CHARACTERS = 500;
/** Bounds the memory: at most two bytes per character. */
const WAITING_CHARACTERS = 16_000_000;

/** A text to embed, and the key under which the store keeps its vector. */
export interface QueueItem<K> {
  key: K;
  text: string;
}

/** A bounded first-in, first-out queue of texts. */
export interface Backlog<K> {
  readonly length: number;
  /** Adds an item; returns false if there is no room. Blank texts are accepted and dropped. */
  push(item: QueueItem<K>): boolean;
  /** Removes and returns the next items that fit into one request, at most `maxItems`. */
  take(maxItems: number): QueueItem<K>[];
}

/** Creates an empty backlog for at most `maxWaiting` items. */
export function createBacklog<K>(maxWaiting: number): Backlog<K> {
  const waiting: QueueItem<K>[] = [];
  let characters = 0;
  return {
    get length() {
      return waiting.length;
    },
    push({ key, text }) {
      const cut = cutText(text);
      // A blank text has no meaning to search for, and some endpoints refuse it.
      if (!/\S/.test(cut)) return true;
      if (waiting.length >= maxWaiting || characters + cut.length > WAITING_CHARACTERS)
        return false;
      waiting.push({ key, text: cut });
      characters += cut.length;
      return true;
    },
    take(maxItems) {
      let size = 0;
      let count = 0;
      for (const { text } of waiting) {
        size += text.length;
        if (count === maxItems || (count > 0 && size > BATCH_CHARACTERS)) break;
        count++;
      }
      const batch = waiting.splice(0, count);
      for (const { text } of batch) characters -= text.length;
      return batch;
    },
  };
}

/**
 * Splits a failed batch in halves. A single text is shortened by half; an empty result means that
 * it cannot be shortened further.
 */
export function splitBatch<K>(batch: readonly QueueItem<K>[]): QueueItem<K>[][] {
  const middle = Math.ceil(batch.length / 2);
  if (batch.length > 1) return [batch.slice(0, middle), batch.slice(middle)];
  return batch
    .filter(({ text }) => text.length > SHORTEST_TEXT_CHARACTERS)
    .map(({ key, text }) => [{ key, text: cutText(text.slice(0, Math.ceil(text.length / 2))) }]);
}
