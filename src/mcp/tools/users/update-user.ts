import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { userId } from '../../../domain/records.ts';
import { userFields } from '../../../domain/user-fields.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { defineTool, REPLACES } from '../../tool.ts';

export const updateUser = defineTool({
  name: 'update_user',
  title: 'Update user',
  description:
    'Changes a user: the fields that are given replace, null removes one, and metadata is merged (objects at every depth, null removes a key). What is not named stays as it is.',
  toolset: 'users',
  hints: REPLACES,
  input: z.strictObject({
    user_id: userId,
    email: userFields.email.nullable().optional().meta({ description: 'null removes it.' }),
    first_name: userFields.first_name
      .nullable()
      .optional()
      .meta({ description: 'null removes it.' }),
    last_name: userFields.last_name.nullable().optional().meta({ description: 'null removes it.' }),
    metadata: metadata('What to change: a JSON Merge Patch.').optional(),
  }),
  output: z.strictObject({ user: shownUser }),
  run: async ({ user_id, ...update }, { caller, users }) => ({
    user: showRecord(TOOL_ANSWER.record(await users.update(caller, user_id, update))),
  }),
});
