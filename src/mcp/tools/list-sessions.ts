import { z } from 'zod';
import { session, userId } from '../../domain/records.ts';
import { listArguments, pageArguments, pageResults } from '../pagination.ts';
import { defineTool, READS } from '../tool.ts';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description:
    'Lists sessions, newest first, a page at a time. Use it to find a session whose identifier you do not know, or, with deleted set to only, one that can be restored.',
  toolset: 'sessions',
  hints: READS,
  input: z.strictObject({
    user_id: userId.optional().meta({ description: 'Only the sessions of this user.' }),
    ...listArguments,
    ...pageArguments,
  }),
  output: z.strictObject({ sessions: z.array(session), ...pageResults }),
  async run(args, { caller, sessions }) {
    const { records, ...page } = await sessions.list(caller, args);
    return { sessions: records, ...page };
  },
});
