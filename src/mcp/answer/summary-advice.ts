import { z } from 'zod';
import type { Revival } from '../../services/append.ts';
import type { SummaryBacklog } from '../../services/summary-backlog.ts';

/** Where an answer says that it is time for a summary: the agent is the model that writes it. */
export const adviceResult = {
  advice: z.string().optional().meta({ description: 'What to do about this session next.' }),
};

/** @param revival for callers who have restore_session */
export function adviceOn(
  unsummarized: SummaryBacklog | undefined,
  revival?: Revival | undefined,
): { advice?: string } {
  const advice = [
    ...(revival === undefined ? [] : onRevival(revival)),
    ...(unsummarized === undefined ? [] : [onSummary(unsummarized)]),
  ];
  return advice.length === 0 ? {} : { advice: advice.join(' ') };
}

function onSummary({ from_seq, up_to_seq }: SummaryBacklog): string {
  const count = up_to_seq - from_seq + 1;
  return `${count} messages are in no summary. Read them with list_messages from_seq ${from_seq}, then store a summary of the whole session with set_summary up_to_seq ${up_to_seq}.`;
}

function onRevival({ deleted_message_count, purge_at }: Revival): string[] {
  if (deleted_message_count === 0) return [];
  const until = purge_at === undefined ? '' : ` until ${purge_at}`;
  const messages = `${deleted_message_count} earlier message${deleted_message_count === 1 ? ' stays' : 's stay'}`;
  return [
    `This session was deleted. It is back, and its ${messages} deleted: to put them back in front of the new ones, call restore_session${until}.`,
  ];
}
