import { cutPage } from '../../domain/pagination.ts';
import type { Message } from '../../domain/records.ts';
import { BYTES_PER_TOKEN } from '../append.ts';
import type { AnswerShape } from '../dependencies.ts';
import { CONTEXT_TOKENS_DEFAULT } from './index.ts';

/** How many tokens of context the messages leave of what the caller wants, in bytes, unless it is told. */
export function affordableContext(
  answer: AnswerShape,
  kept: readonly Message[],
  bytes: number,
): number {
  if (bytes === Number.POSITIVE_INFINITY) return CONTEXT_TOKENS_DEFAULT;
  const left = bytes - kept.reduce((sum, one) => sum + answer.messageBytes(one), 0);
  return Math.min(CONTEXT_TOKENS_DEFAULT, left / BYTES_PER_TOKEN);
}

/**
 * The messages, newest first, as they are shown, up to the first that does not fit.
 *
 * @param maxBytes the most bytes of the answer; one message is kept even if it is longer
 * @param affordable the most bytes that the caller wants; it may leave no message
 */
export function withinBudget(
  answer: AnswerShape,
  messages: readonly Message[],
  maxBytes: number,
  affordable: number,
): Message[] {
  const shown = messages.map((message) => answer.message(message));
  const { page } = cutPage(shown, shown.length, maxBytes);
  if (affordable === Number.POSITIVE_INFINITY) return page;
  let bytes = 0;
  const tooMany = page.findIndex((message) => {
    bytes += answer.messageBytes(message);
    return bytes > affordable;
  });
  return tooMany === -1 ? page : page.slice(0, tooMany);
}
