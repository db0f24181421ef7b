import { z } from 'zod';
import type { Revival, SummaryBacklog } from '../../services/append.ts';

/** The field of an answer that advises a summary. The agent writes it: the server has no model. */
export const adviceResult = {
  advice: z.string().optional().meta({ description: 'What to do about this session next.' }),
};

/** Advice on a summary that may tell what was to be forgotten. */
export const OUTDATED_SUMMARY =
  'The summary covers messages that were deleted after it was written: write a new one without them, with set_summary.';

/** Advice to write a summary of the messages that the newest one does not cover. */
export function summaryAdvice({ from_seq, up_to_seq }: SummaryBacklog): string {
  const count = up_to_seq - from_seq + 1;
  return `${count} messages are in no summary. Read them with list_messages from_seq ${from_seq}, then store a summary of the whole session with set_summary up_to_seq ${up_to_seq}.`;
}

/**
 * Advice on messages that stay deleted after an append has revived their session. It is for callers
 * who have restore_session.
 */
export function revivalAdvice({ deleted_message_count, purge_at }: Revival): string | undefined {
  if (deleted_message_count === 0) return undefined;
  const until = purge_at === undefined ? '' : ` until ${purge_at}`;
  const messages = `${deleted_message_count} earlier message${deleted_message_count === 1 ? ' stays' : 's stay'}`;
  return `This session was deleted. It is back, and its ${messages} deleted: to put them back in front of the new ones, call restore_session${until}.`;
}
