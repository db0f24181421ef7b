import { z } from 'zod';
import { sessionId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { ADDS, defineTool } from '../../tool.ts';

export const restoreSession = defineTool({
  name: 'restore_session',
  title: 'Restore session',
  description:
    'Undoes delete_session: brings back the session and exactly the messages that went with it. If add_memory has brought it back already, puts the old messages back in front of the new ones.',
  toolset: 'sessions',
  // Not idempotent: once the session is back, another call puts older messages back.
  hints: ADDS,
  input: z.strictObject({ session_id: sessionId }),
  output: z.strictObject({
    session: shownSession,
    restored_message_count: z.int().meta({ description: 'How many messages came back.' }),
  }),
  async run(args, { caller, sessions }) {
    const { session, messages } = await sessions.restore(caller, args.session_id);
    return { session: showRecord(TOOL_ANSWER.record(session)), restored_message_count: messages };
  },
});
