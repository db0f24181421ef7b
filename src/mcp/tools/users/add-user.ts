import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { OF_YOUR_CHOOSING, userId } from '../../../domain/records.ts';
import { userFields } from '../../../domain/user-fields.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { ADDS, defineTool } from '../../tool.ts';

export const addUser = defineTool({
  name: 'add_user',
  title: 'Add user',
  description:
    'Adds a user: a person or thing that sessions belong to. Use it before add_session names the user for the first time. Fails with ALREADY_EXISTS if the user_id is taken.',
  toolset: 'users',
  hints: ADDS,
  needs: 'unpinned',
  input: z.strictObject({
    user_id: userId.meta({
      description: `Identifies the user from now on: ${OF_YOUR_CHOOSING}`,
    }),
    email: userFields.email.optional().meta({ description: 'Their e-mail address.' }),
    first_name: userFields.first_name.optional(),
    last_name: userFields.last_name.optional(),
    metadata: metadata('Any JSON object, such as preferences.').optional(),
  }),
  output: z.strictObject({ user: shownUser }),
  run: async (args, { caller, users }) => ({
    user: showRecord(TOOL_ANSWER.record(await users.add(caller, args))),
  }),
});
