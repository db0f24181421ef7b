import { z } from 'zod';
import { messageUuids, sessionId, timestamp } from '../../../domain/records.ts';
import { changedSession, showChanged } from '../../answer/shown-records.ts';
import { DELETES, defineTool } from '../../tool.ts';

export const deleteMessages = defineTool({
  name: 'delete_messages',
  title: 'Delete messages',
  description:
    'Soft-deletes single messages of a session, such as something that shall be forgotten. Nothing finds them from then on, but restore_messages undoes it until purge_at. search_memory and list_messages show the uuids.',
  toolset: 'memory',
  hints: DELETES,
  input: z.strictObject({ session_id: sessionId, uuids: messageUuids }),
  output: z.strictObject({
    session: changedSession,
    deleted_message_count: z.int().meta({ description: 'How many this call has deleted.' }),
    purge_at: timestamp
      .optional()
      .meta({ description: 'When they are gone for good; absent if they are kept.' }),
  }),
  async run(args, { caller, memory }) {
    const { session, ...deletion } = await memory.delete(caller, args.session_id, args.uuids);
    return {
      session: showChanged(session),
      deleted_message_count: deletion.messages,
      ...(deletion.purge_at !== undefined && { purge_at: deletion.purge_at }),
    };
  },
});
