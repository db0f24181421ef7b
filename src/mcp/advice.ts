import { z } from 'zod';
import type { Unsummarized } from '../services/unsummarized.ts';

/** Where an answer says that it is time for a summary: the agent is the model that writes it. */
export const adviceResult = {
  advice: z.string().optional().meta({ description: 'What to do about this session next.' }),
};

export function adviceOn(unsummarized: Unsummarized | undefined): { advice?: string } {
  if (unsummarized === undefined) return {};
  const { from_seq, up_to_seq } = unsummarized;
  const count = up_to_seq - from_seq + 1;
  return {
    advice: `${count} messages are in no summary. Read them with list_messages from_seq ${from_seq}, then store a summary of the whole session with set_summary up_to_seq ${up_to_seq}.`,
  };
}
