import { z } from 'zod';
import { userId } from '../../../domain/records.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { listAdvice, listArguments, pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

export const listSessions = defineTool({
  name: 'list_sessions',
  title: 'List sessions',
  description:
    'Lists sessions, the last used first, a page at a time. Use it to find a session whose identifier you do not know, or, with deleted set to only, one that can be restored.',
  toolset: 'sessions',
  hints: READS,
  input: z.strictObject({
    user_id: userId.optional().meta({ description: 'Only the sessions of this user.' }),
    ...listArguments('updated_at', 'its session_id or title'),
    ...pageArguments,
  }),
  output: z.strictObject({ sessions: z.array(shownSession), ...pageResults }),
  async run(args, { caller, sessions, offers }) {
    const { records, scanned, ...page } = await sessions.list(caller, args);
    const advice = listAdvice(args, records.length, scanned, offers);
    return { sessions: records.map(showRecord), ...page, ...(advice !== undefined && { advice }) };
  },
});
