import type { Message } from '../../domain/records.ts';
import { firstMatch } from '../../search/analyzer.ts';
import { runInSlices } from '../event-loop.ts';
import { truncateContent } from './truncate.ts';

/** The most characters before the first term that an excerpt shows. */
const LEAD_LENGTH = 200;

/**
 * Truncates the content of a message to the part around the first of some terms.
 *
 * @param maxBytes the most bytes of content, as JSON
 */
export async function excerpt(
  message: Message,
  terms: readonly string[],
  maxBytes: number,
): Promise<Message> {
  const isLong = Buffer.byteLength(message.content) > maxBytes;
  const match = isLong ? await runInSlices(firstMatch(message.content, terms)) : 0;
  const lead = Math.min(LEAD_LENGTH, maxBytes / 4);
  return truncateContent(message, Math.max(0, Math.floor(match - lead)), maxBytes);
}
