import { z } from 'zod';
import { session, sessionId } from '../../domain/records.ts';
import { withMetadataCut } from '../../services/fit.ts';
import { CHANGES, defineTool } from '../tool.ts';

export const restoreSession = defineTool({
  name: 'restore_session',
  title: 'Restore session',
  description:
    'Undoes delete_session: brings back the session and exactly the messages that went with it. A session that is not deleted stays as it is.',
  toolset: 'sessions',
  hints: CHANGES,
  input: z.strictObject({ session_id: sessionId }),
  output: z.strictObject({ session }),
  run: async (args, { caller, sessions }) => ({
    session: withMetadataCut(await sessions.restore(caller, args.session_id)),
  }),
});
