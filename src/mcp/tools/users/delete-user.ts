import { z } from 'zod';
import { timestamp, userId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { DELETES, defineTool } from '../../tool.ts';

export const deleteUser = defineTool({
  name: 'delete_user',
  title: 'Delete user',
  description:
    'Soft-deletes a user with every session of theirs, in one step. No tool finds any of it from then on, but restore_user undoes it until purge_at. Repeating the call answers with the same deletion.',
  toolset: 'users',
  hints: DELETES,
  needs: 'admin',
  input: z.strictObject({ user_id: userId }),
  output: z.strictObject({
    user: shownUser,
    deleted_session_count: z.int().meta({ description: 'How many sessions went with it.' }),
    purge_at: timestamp
      .optional()
      .meta({ description: 'When it is gone for good; absent if it is kept until restored.' }),
  }),
  async run(args, { caller, users, progress }) {
    const { user, sessions, purge_at } = await users.delete(caller, args.user_id, progress);
    return {
      user: showRecord(TOOL_ANSWER.record(user)),
      deleted_session_count: sessions,
      ...(purge_at !== undefined && { purge_at }),
    };
  },
});
