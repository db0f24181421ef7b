import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { OF_YOUR_CHOOSING, sessionId, userId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { ADDS, defineTool } from '../../tool.ts';

export const addSession = defineTool({
  name: 'add_session',
  title: 'Add session',
  description:
    'Starts a session: one conversation that is remembered across restarts. Use it before the first message of a conversation that needs metadata or belongs to a user. Fails with ALREADY_EXISTS if the session_id is taken.',
  toolset: 'sessions',
  hints: ADDS,
  input: z.strictObject({
    session_id: sessionId.meta({
      description: `Identifies the session from now on: ${OF_YOUR_CHOOSING}`,
    }),
    user_id: userId.optional().meta({ description: 'The user it belongs to; must exist already.' }),
    metadata: metadata('Any JSON object, such as a title or tags.').optional(),
  }),
  output: z.strictObject({ session: shownSession }),
  run: async (args, { caller, sessions }) => ({
    session: showRecord(TOOL_ANSWER.record(await sessions.add(caller, args))),
  }),
});
