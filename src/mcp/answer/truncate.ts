import { jsonBytes } from '../../domain/metadata.ts';
import type { Message } from '../../domain/records.ts';

/**
 * How much of one record an answer shows, in bytes of JSON, so that no answer grows beyond what
 * hosts take, though a record may hold a megabyte.
 */
export const METADATA_SHOWN_BYTES = 8_000;
export const CONTENT_SHOWN_BYTES = 32_000;

/** Takes metadata that is too large for an answer out of a record, and says how large it is. */
export function truncateMetadata<T extends Pick<Message, 'metadata' | 'metadata_omitted_bytes'>>(
  record: T,
): T {
  const bytes = jsonBytes(record.metadata);
  return bytes > METADATA_SHOWN_BYTES
    ? { ...record, metadata: {}, metadata_omitted_bytes: bytes }
    : record;
}

/**
 * A message as an answer shows it: its content from `offset` on, as much as there is room for.
 *
 * @param offset in characters (UTF-16 code units)
 * @param maxBytes how much of the content there is room for, as JSON
 */
export function truncateContent(
  message: Message,
  offset = 0,
  maxBytes = CONTENT_SHOWN_BYTES,
): Message {
  const start = isLowSurrogate(message.content, offset) ? offset + 1 : offset;
  const shown = prefixWithin(message.content.slice(start), maxBytes);
  const fitted = truncateMetadata(message);
  if (shown.length === message.content.length) return fitted;
  const end = start + shown.length;
  return {
    ...fitted,
    content: shown,
    ...(start > 0 && { content_offset: start }),
    content_length: message.content.length,
    ...(end < message.content.length && { next_content_offset: end }),
  };
}

/** The longest prefix that takes at most `maxBytes` as JSON, and cuts no character in two. */
function prefixWithin(text: string, maxBytes: number): string {
  if (text.length <= maxBytes && jsonBytes(text) <= maxBytes) return text;
  let low = 0;
  let high = Math.min(text.length, maxBytes);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (jsonBytes(text.slice(0, middle)) <= maxBytes) low = middle;
    else high = middle - 1;
  }
  return text.slice(0, isLowSurrogate(text, low) ? low - 1 : low);
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff;
}
