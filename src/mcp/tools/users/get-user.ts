import { z } from 'zod';
import { userId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { defineTool, READS } from '../../tool.ts';

export const getUser = defineTool({
  name: 'get_user',
  title: 'Get user',
  description:
    "Returns one user's record: name, e-mail address, metadata. list_sessions with the user_id shows their sessions.",
  toolset: 'users',
  hints: READS,
  input: z.strictObject({ user_id: userId }),
  output: z.strictObject({ user: shownUser }),
  run: async (args, { caller, users }) => ({
    user: showRecord(TOOL_ANSWER.record(await users.get(caller, args.user_id))),
  }),
});
