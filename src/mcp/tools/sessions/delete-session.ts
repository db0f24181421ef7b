import { z } from 'zod';
import { sessionId, timestamp } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { DELETES, defineTool } from '../../tool.ts';

export const deleteSession = defineTool({
  name: 'delete_session',
  title: 'Delete session',
  description:
    'Soft-deletes a session with its messages. Nothing finds it from then on, but restore_session undoes it until purge_at. Repeating the call answers with the same deletion.',
  toolset: 'sessions',
  hints: DELETES,
  input: z.strictObject({ session_id: sessionId }),
  output: z.strictObject({
    session: shownSession,
    deleted_message_count: z.int().meta({ description: 'How many messages went with it.' }),
    purge_at: timestamp
      .optional()
      .meta({ description: 'When it is gone for good; absent if it is kept until restored.' }),
  }),
  async run(args, { caller, sessions }) {
    const { session, purge_at } = await sessions.delete(caller, args.session_id);
    return {
      session: showRecord(TOOL_ANSWER.record(session)),
      deleted_message_count: session.message_count,
      ...(purge_at !== undefined && { purge_at }),
    };
  },
});
