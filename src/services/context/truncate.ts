import { jsonBytes, jsonBytesAtMost } from '../../domain/metadata.ts';
import type { Message } from '../../domain/records.ts';

/** Removes metadata of more than `maxBytes` bytes of JSON from a record, and says how large it is. */
export function truncateMetadata<T extends Pick<Message, 'metadata' | 'metadata_omitted_bytes'>>(
  record: T,
  maxBytes: number,
): T {
  if (jsonBytesAtMost(record.metadata) <= maxBytes) return record;
  const bytes = jsonBytes(record.metadata);
  return bytes > maxBytes ? { ...record, metadata: {}, metadata_omitted_bytes: bytes } : record;
}

/**
 * Truncates the content of a message.
 *
 * @param offset where the content begins, in characters (UTF-16 code units)
 * @param maxBytes the most bytes of content, as JSON
 */
export function truncateContent(message: Message, offset: number, maxBytes: number): Message {
  const start = isLowSurrogate(message.content, offset) ? offset + 1 : offset;
  const shown = prefixWithin(message.content.slice(start), maxBytes);
  if (shown.length === message.content.length) return message;
  const end = start + shown.length;
  return {
    ...message,
    content: shown,
    ...(start > 0 && { content_offset: start }),
    content_length: message.content.length,
    ...(end < message.content.length && { next_content_offset: end }),
  };
}

/** The longest prefix of at most `maxBytes` bytes of JSON that does not end within a character. */
function prefixWithin(text: string, maxBytes: number): string {
  // Most texts are short: they need not be written as JSON to be measured.
  if (jsonBytesAtMost(text) <= maxBytes) return text;
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
