import type { RequestId } from '@modelcontextprotocol/server';
import { isRequest, readMessage } from './json-rpc.ts';

/** The only protocol version that has batches, also assumed of HTTP clients that name none. */
export const BATCH_VERSION = '2025-03-26';

/** The most messages in one batch. */
const BATCH_MAX = 100;

/** The text for a batch, or a message in one, of another protocol version. */
export const NO_BATCHES = `A batch is no message of JSON-RPC here: batches are part of protocol version ${BATCH_VERSION} alone. Send each message on its own.`;

/** The members of a batch, each as `readMessage` returns it. */
export type Batch = readonly ReturnType<typeof readMessage>[];

/**
 * Reads a batch of messages.
 *
 * @param version the protocol version that is in force
 * @param max the most messages that are read, if less than `BATCH_MAX`
 * @param isOpen whether a request of that id is being served already
 * @returns the batch, or why all of it is refused
 */
export function readBatch(
  json: readonly unknown[],
  version: string | undefined,
  max = BATCH_MAX,
  isOpen: (id: RequestId) => boolean = () => false,
): { batch: Batch } | { refusal: string } {
  if (version !== BATCH_VERSION) return { refusal: NO_BATCHES };
  if (json.length === 0) return { refusal: 'The batch has no messages. Send at least one.' };
  const most = Math.min(max, BATCH_MAX);
  if (json.length > most) {
    return {
      refusal: `The batch has ${json.length} messages, and at most ${most} are read. Send fewer.`,
    };
  }
  const batch = json.map(readMessage);
  const requests = requestsOf(batch);
  if (requests.some(({ method }) => method === 'initialize')) {
    return { refusal: 'initialize cannot be part of a batch. Send it on its own.' };
  }
  const ids = new Set(requests.map(({ id }) => id));
  if (ids.size < requests.length || requests.some(({ id }) => isOpen(id))) {
    return { refusal: 'Two requests have the same id. Give each its own.' };
  }
  return { batch };
}

function requestsOf(batch: Batch) {
  return batch.flatMap((member) =>
    'message' in member && isRequest(member.message) ? [member.message] : [],
  );
}
