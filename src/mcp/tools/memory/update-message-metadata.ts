import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { messageUuid, sessionId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { showMessage, shownMessage } from '../../answer/shown-records.ts';
import { defineTool, REPLACES } from '../../tool.ts';

export const updateMessageMetadata = defineTool({
  name: 'update_message_metadata',
  title: 'Update message metadata',
  description:
    "Merges metadata into a message's own: objects merge at every depth, null removes a key, arrays and other values replace. Its content stays as it is. Returns the message.",
  toolset: 'memory',
  hints: REPLACES,
  input: z.strictObject({
    session_id: sessionId,
    uuid: messageUuid.meta({ description: 'The message, by the uuid that add_memory returned.' }),
    metadata: metadata('What to change: a JSON Merge Patch.'),
  }),
  output: z.strictObject({ message: shownMessage }),
  run: async (args, { caller, memory }) => ({
    message: showMessage(
      TOOL_ANSWER.message(
        await memory.updateMetadata(caller, args.session_id, args.uuid, args.metadata),
      ),
    ),
  }),
});
