import type { Tool } from '../tool.ts';
import { addSession } from './add-session.ts';
import { deleteSession } from './delete-session.ts';
import { getSession } from './get-session.ts';
import { listSessions } from './list-sessions.ts';
import { restoreSession } from './restore-session.ts';
import { updateSessionMetadata } from './update-session-metadata.ts';

/** Every tool, in the order in which `tools/list` shows them: hosts cache prompts by that order. */
export const TOOLS: readonly Tool[] = [
  addSession,
  getSession,
  listSessions,
  updateSessionMetadata,
  deleteSession,
  restoreSession,
];
