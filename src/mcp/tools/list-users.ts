import { z } from 'zod';
import { user } from '../../domain/records.ts';
import { listArguments, pageArguments, pageResults } from '../pagination.ts';
import { defineTool, READS } from '../tool.ts';

export const listUsers = defineTool({
  name: 'list_users',
  title: 'List users',
  description:
    'Lists users, newest first, a page at a time. Use it to find a user whose identifier you do not know, or, with deleted set to only, one that can be restored.',
  toolset: 'users',
  hints: READS,
  input: z.strictObject({ ...listArguments, ...pageArguments }),
  output: z.strictObject({ users: z.array(user), ...pageResults }),
  async run(args, { caller, users }) {
    const { records, ...page } = await users.list(caller, args);
    return { users: records, ...page };
  },
});
