import { counted } from '../../domain/errors.ts';
import type { UncoveredMessages } from '../../services/facts/uncovered.ts';

/** How many sessions are named, the last used first. */
const NAMED_MAX = 3;

/** Advice to draw facts from messages that nobody has read for them. */
export function uncoveredAdvice(uncovered: readonly UncoveredMessages[]): string {
  const count = uncovered.reduce((sum, one) => sum + one.count, 0);
  const named = uncovered
    .slice(0, NAMED_MAX)
    .map(({ session_id, from_seq }) => `${JSON.stringify(session_id)} from_seq ${from_seq}`);
  const others = uncovered.length - named.length;
  const places = [...named, ...(others > 0 ? [counted(others, 'other session')] : [])];
  return `No facts were drawn from ${counted(count, 'message')} of this user yet: session ${places.join(', ')}. Read them with list_messages, and store what will hold with add_facts. Put the last message that you read into its source; if there are no facts, give the source alone.`;
}
