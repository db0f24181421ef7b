import { z } from 'zod';
import { sessionId, summary, summaryContent } from '../../../domain/records.ts';
import { changedSession, showChanged } from '../../answer/shown-records.ts';
import { defineTool, REPLACES } from '../../tool.ts';

export const setSummary = defineTool({
  name: 'set_summary',
  title: 'Set summary',
  description:
    'Stores a summary, written by you, of a session from its beginning up to one of its messages. get_memory then returns it with the messages after that point. Do it when an answer advises it; earlier summaries are kept as history.',
  toolset: 'memory',
  hints: REPLACES,
  input: z.strictObject({
    session_id: sessionId,
    content: summaryContent.meta({ description: 'The summary, up to 16 KiB.' }),
    up_to_seq: z.int().min(1).meta({ description: 'The last message that it covers.' }),
  }),
  output: z.strictObject({
    session: changedSession,
    summary,
  }),
  async run({ session_id, ...input }, { caller, memory }) {
    const { session, summary } = await memory.summarize(caller, session_id, input);
    return { session: showChanged(session), summary };
  },
});
