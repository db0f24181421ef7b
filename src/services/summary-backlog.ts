import type { Appended, Conversation } from '../store/port.ts';

/** How many messages get_memory returns unless told otherwise. */
export const WINDOW_DEFAULT = 12;

/** The messages that no summary covers. */
export interface SummaryBacklog {
  from_seq: number;
  up_to_seq: number;
}

/**
 * What lies behind the newest summary, if that is more than twice the window.
 *
 * @param window in messages
 */
export function summaryBacklog(
  { first_seq, last_seq, summary }: Conversation | Appended,
  window: number,
): { unsummarized?: SummaryBacklog } {
  const from_seq = summary === undefined ? first_seq : summary.up_to_seq + 1;
  return last_seq - from_seq + 1 > 2 * window
    ? { unsummarized: { from_seq, up_to_seq: last_seq } }
    : {};
}
