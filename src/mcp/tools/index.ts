import type { Tool } from '../tool.ts';
import { addMemory } from './add-memory.ts';
import { addSession } from './add-session.ts';
import { addUser } from './add-user.ts';
import { deleteSession } from './delete-session.ts';
import { deleteUser } from './delete-user.ts';
import { getMemory } from './get-memory.ts';
import { getSession } from './get-session.ts';
import { getUser } from './get-user.ts';
import { listMessages } from './list-messages.ts';
import { listSessions } from './list-sessions.ts';
import { listUsers } from './list-users.ts';
import { restoreSession } from './restore-session.ts';
import { restoreUser } from './restore-user.ts';
import { searchMemory } from './search-memory.ts';
import { setSummary } from './set-summary.ts';
import { updateMessageMetadata } from './update-message-metadata.ts';
import { updateSession } from './update-session.ts';
import { updateSessionMetadata } from './update-session-metadata.ts';
import { updateUser } from './update-user.ts';

/** Every tool, in the order in which `tools/list` shows them: hosts cache prompts by that order. */
export const TOOLS: readonly Tool[] = [
  addSession,
  getSession,
  listSessions,
  updateSession,
  updateSessionMetadata,
  deleteSession,
  restoreSession,
  addMemory,
  getMemory,
  listMessages,
  searchMemory,
  updateMessageMetadata,
  setSummary,
  addUser,
  getUser,
  listUsers,
  updateUser,
  deleteUser,
  restoreUser,
];
