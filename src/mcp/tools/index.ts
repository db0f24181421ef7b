import type { Tool } from '../tool.ts';
import { addFacts } from './facts/add-facts.ts';
import { deleteEntity } from './facts/delete-entity.ts';
import { deleteFacts } from './facts/delete-facts.ts';
import { getEntity } from './facts/get-entity.ts';
import { restoreFacts } from './facts/restore-facts.ts';
import { searchFacts } from './facts/search-facts.ts';
import { updateFact } from './facts/update-fact.ts';
import { addMemory } from './memory/add-memory.ts';
import { deleteMessages } from './memory/delete-messages.ts';
import { getMemory } from './memory/get-memory.ts';
import { listMessages } from './memory/list-messages.ts';
import { restoreMessages } from './memory/restore-messages.ts';
import { searchMemory } from './memory/search-memory.ts';
import { setSummary } from './memory/set-summary.ts';
import { updateMessageMetadata } from './memory/update-message-metadata.ts';
import { addSession } from './sessions/add-session.ts';
import { deleteSession } from './sessions/delete-session.ts';
import { getSession } from './sessions/get-session.ts';
import { listSessions } from './sessions/list-sessions.ts';
import { restoreSession } from './sessions/restore-session.ts';
import { updateSession } from './sessions/update-session.ts';
import { updateSessionMetadata } from './sessions/update-session-metadata.ts';
import { addUser } from './users/add-user.ts';
import { deleteUser } from './users/delete-user.ts';
import { getUser } from './users/get-user.ts';
import { listUsers } from './users/list-users.ts';
import { restoreUser } from './users/restore-user.ts';
import { updateUser } from './users/update-user.ts';

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
  deleteMessages,
  restoreMessages,
  addUser,
  getUser,
  listUsers,
  updateUser,
  deleteUser,
  restoreUser,
  addFacts,
  searchFacts,
  getEntity,
  updateFact,
  deleteFacts,
  deleteEntity,
  restoreFacts,
];
