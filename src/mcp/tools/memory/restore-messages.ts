import { z } from 'zod';
import { messageUuids, sessionId } from '../../../domain/records.ts';
import { changedSession, showChanged } from '../../answer/shown-records.ts';
import { defineTool, RESTORES } from '../../tool.ts';

export const restoreMessages = defineTool({
  name: 'restore_messages',
  title: 'Restore messages',
  description:
    'Undoes delete_messages: brings messages back to their places in the session. Those that are not deleted stay as they are.',
  toolset: 'memory',
  hints: RESTORES,
  input: z.strictObject({ session_id: sessionId, uuids: messageUuids }),
  output: z.strictObject({
    session: changedSession,
    restored_message_count: z.int().meta({ description: 'How many came back.' }),
  }),
  async run(args, { caller, memory }) {
    const { session, messages } = await memory.restore(caller, args.session_id, args.uuids);
    return { session: showChanged(session), restored_message_count: messages };
  },
});
