import { z } from 'zod';
import { session, userId } from '../../domain/records.ts';
import { pageArguments, pageResults } from '../paging.ts';
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
    order_by: z.enum(['created_at', 'updated_at']).default('created_at'),
    order: z.enum(['desc', 'asc']).default('desc'),
    deleted: z
      .enum(['exclude', 'only'])
      .default('exclude')
      .meta({ description: 'only: the soft-deleted sessions instead of the live ones.' }),
    ...pageArguments,
  }),
  output: z.strictObject({ sessions: z.array(session), ...pageResults }),
  run: (args, { caller, sessions }) => sessions.list(caller, args),
});
