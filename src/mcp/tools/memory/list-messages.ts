import { z } from 'zod';
import { sessionId } from '../../../domain/records.ts';
import { showMessage, shownMessage } from '../../answer/shown-records.ts';
import { pageArguments, pageResults } from '../../pagination.ts';
import { defineTool, READS } from '../../tool.ts';

export const listMessages = defineTool({
  name: 'list_messages',
  title: 'List messages',
  description:
    'Pages through all messages of a session, from the first on, or with order desc from the last back. Use it for what get_memory does not return: older messages, and the rest of a content that was too long to be shown whole.',
  toolset: 'memory',
  hints: READS,
  input: z.strictObject({
    session_id: sessionId,
    order: z
      .enum(['asc', 'desc'])
      .default('asc')
      .meta({ description: 'asc: in the order in which they were said.' }),
    from_seq: z.int().min(1).optional().meta({ description: 'Start with this message.' }),
    content_offset: z
      .int()
      .min(0)
      .optional()
      .meta({ description: 'Show contents from this character on, as next_content_offset says.' }),
    ...pageArguments,
  }),
  output: z.strictObject({ messages: z.array(shownMessage), ...pageResults }),
  async run({ session_id, ...list }, { caller, memory }) {
    const { messages, ...page } = await memory.list(caller, session_id, list);
    return { messages: messages.map(showMessage), ...page };
  },
});
