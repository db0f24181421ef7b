import { z } from 'zod';
import { metadata } from '../../../domain/metadata.ts';
import { sessionId } from '../../../domain/records.ts';
import { TOOL_ANSWER } from '../../answer/answer-shape.ts';
import { shownSession, showRecord } from '../../answer/shown-records.ts';
import { defineTool, REPLACES } from '../../tool.ts';

export const updateSessionMetadata = defineTool({
  name: 'update_session_metadata',
  title: 'Update session metadata',
  description:
    "Merges metadata into a session's own: objects merge at every depth, null removes a key, arrays and other values replace. Keys that are not named stay as they are. Returns the merged record.",
  toolset: 'sessions',
  hints: REPLACES,
  input: z.strictObject({
    session_id: sessionId,
    metadata: metadata('What to change: a JSON Merge Patch.'),
  }),
  output: z.strictObject({ session: shownSession }),
  run: async (args, { caller, sessions }) => ({
    session: showRecord(
      TOOL_ANSWER.record(await sessions.updateMetadata(caller, args.session_id, args.metadata)),
    ),
  }),
});
