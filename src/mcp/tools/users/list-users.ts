import { z } from 'zod';
import { shownUser, showRecord } from '../../answer/shown-records.ts';
import { listAdvice, listArguments, pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

export const listUsers = defineTool({
  name: 'list_users',
  title: 'List users',
  description:
    'Lists users, newest first, a page at a time. Use it to find a user whose identifier you do not know, or, with deleted set to only, one that can be restored.',
  toolset: 'users',
  hints: READS,
  input: z.strictObject({
    ...listArguments('created_at', 'the user_id, the names or the e-mail address'),
    ...pageArguments,
  }),
  output: z.strictObject({ users: z.array(shownUser), ...pageResults }),
  async run(args, { caller, users, offers }) {
    const { records, scanned, ...page } = await users.list(caller, args);
    const advice = listAdvice(args, records.length, scanned, offers);
    return { users: records.map(showRecord), ...page, ...(advice !== undefined && { advice }) };
  },
});
