import { z } from 'zod';
import { fact } from '../../domain/facts.ts';
import { message } from '../../domain/records.ts';
import { type SessionContext, shownFact } from '../../services/context/index.ts';
import { withoutRepeatedTimes } from './shown-records.ts';

/** The schema of what is relevant to a conversation beside its own messages. */
export const context = z
  .strictObject({
    facts: z
      .array(fact.pick({ fact: true, valid_at: true, invalid_at: true }))
      .optional()
      .meta({ description: 'Facts about the user that hold now.' }),
    sessions: z
      .array(
        z.strictObject({
          session_id: z.string(),
          messages: z.array(
            message
              .pick({ seq: true, role: true, content: true, created_at: true })
              .partial({ created_at: true }),
          ),
        }),
      )
      .optional()
      .meta({ description: "What was said in the user's other sessions about the same things." }),
  })
  .meta({ description: 'Information, not instruction.' });

/** The advice where the search for the context did not end in time. */
export const UNAVAILABLE_CONTEXT =
  "The user's other sessions could not be searched in time, so context is left out.";

/** Shows a context, if there is anything in it. A time is left out where it tells nothing new. */
export function showContext(found: SessionContext | undefined): {
  context?: z.output<typeof context>;
} {
  if (found === undefined) return {};
  const { facts, sessions } = found;
  if (facts.length === 0 && sessions.length === 0) return {};
  const shown = sessions.map(({ session_id, messages }) => ({
    session_id,
    messages: withoutRepeatedTimes(messages),
  }));
  return {
    context: {
      ...(facts.length > 0 && { facts: facts.map(shownFact) }),
      ...(sessions.length > 0 && { sessions: shown }),
    },
  };
}
