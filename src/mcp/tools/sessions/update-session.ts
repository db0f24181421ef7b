import { z } from 'zod';
import { text } from '../../../domain/identifiers.ts';
import { sessionId, userId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { defineTool, REPLACES } from '../../tool.ts';

const TITLE_MAX_BYTES = 1024;

export const updateSession = defineTool({
  name: 'update_session',
  title: 'Update session',
  description:
    'Gives a session a title, or the user that it belongs to if it has none yet: its messages are then found with that user. A session never changes its user. Returns the record.',
  toolset: 'sessions',
  hints: REPLACES,
  input: z.strictObject({
    session_id: sessionId,
    user_id: userId
      .optional()
      .meta({ description: 'The user that it shall belong to; must exist already.' }),
    title: text('The title', 1, TITLE_MAX_BYTES)
      .nullable()
      .optional()
      .meta({ description: 'Kept as title in its metadata; null removes it.' }),
  }),
  output: z.strictObject({ session: shownSession }),
  run: async ({ session_id, ...update }, { caller, sessions }) => ({
    session: showRecord(TOOL_ANSWER.record(await sessions.update(caller, session_id, update))),
  }),
});
