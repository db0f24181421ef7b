import { z } from 'zod';
import { userId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { defineTool, RESTORES } from '../../tool.ts';

export const restoreUser = defineTool({
  name: 'restore_user',
  title: 'Restore user',
  description:
    'Undoes delete_user: brings back the user and exactly the sessions that went with it. Sessions that were deleted before stay deleted. A user that is not deleted stays as it is.',
  toolset: 'users',
  hints: RESTORES,
  needs: 'admin',
  input: z.strictObject({ user_id: userId }),
  output: z.strictObject({
    user: shownUser,
    restored_session_count: z.int().meta({ description: 'How many sessions came back with it.' }),
  }),
  async run(args, { caller, users, progress }) {
    const { user, sessions } = await users.restore(caller, args.user_id, progress);
    return { user: showRecord(TOOL_ANSWER.record(user)), restored_session_count: sessions };
  },
});
