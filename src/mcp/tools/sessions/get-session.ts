import { z } from 'zod';
import { sessionId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { defineTool, READS } from '../../tool.ts';

export const getSession = defineTool({
  name: 'get_session',
  title: 'Get session',
  description:
    "Returns one session's record: its metadata, its user, when it was used, how many messages it holds. Not its messages: get_memory reads those.",
  toolset: 'sessions',
  hints: READS,
  input: z.strictObject({ session_id: sessionId }),
  output: z.strictObject({ session: shownSession }),
  run: async (args, { caller, sessions }) => ({
    session: showRecord(TOOL_ANSWER.record(await sessions.get(caller, args.session_id))),
  }),
});
