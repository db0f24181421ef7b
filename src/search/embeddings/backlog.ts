import { cutText } from './embedder.ts';

/** What Text Embeddings Inference takes at most unless told otherwise; the others take more. */
export const BATCH_ITEMS = 32;
/** Safely below the 300,000 tokens that OpenAI takes in one request, in any script. */
const BATCH_CHARACTERS = 64_000;
/** A text that is refused alone is cut in half and tried again until it is this short. */
const SHORTEST_TEXT = 500;
/** Memory: two bytes each at most. */
const WAITING_CHARACTERS = 16_000_000;

/** A text to embed, and whatever tells the store where its vector belongs. */
export interface QueueItem<K> {
  key: K;
  text: string;
}

/** A bounded line of texts, first come, first served. */
export interface Backlog<K> {
  readonly length: number;
  /** Takes an item, or answers false if there is no room for it. Blank texts are not kept. */
  push(item: QueueItem<K>): boolean;
  /** The next items, as many as fit into one request and at most `maxItems` of them. */
  take(maxItems: number): QueueItem<K>[];
}

/** An empty line that has room for `maxWaiting` items. */
export function createBacklog<K>(maxWaiting: number): Backlog<K> {
  const waiting: QueueItem<K>[] = [];
  let characters = 0;
  return {
    get length() {
      return waiting.length;
    },
    push({ key, text }) {
      const cut = cutText(text);
      // There is no meaning in it to find, and there are endpoints that refuse it.
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

/** A batch that failed, in smaller pieces: its halves, or less of its only text, or nothing more. */
export function splitBatch<K>(batch: readonly QueueItem<K>[]): QueueItem<K>[][] {
  const middle = Math.ceil(batch.length / 2);
  if (batch.length > 1) return [batch.slice(0, middle), batch.slice(middle)];
  return batch
    .filter(({ text }) => text.length > SHORTEST_TEXT)
    .map(({ key, text }) => [{ key, text: cutText(text.slice(0, Math.ceil(text.length / 2))) }]);
}
