import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { isRefusal } from '../../services/errors.ts';
import { OLDEST_FIRST, readList } from '../lists.ts';
import { offsetQuery, sessionPath, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { addSessionRoute, getSessionRoute } from '../sessions.ts';
import { session, toSession, V1 } from './records.ts';

export const SESSION_ROUTES = [
  addSessionRoute(V1),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions',
    summary: 'List sessions, oldest first.',
    toolset: 'sessions',
    request: { query: offsetQuery },
    status: 200,
    answer: z.array(session),
    async run({ query }, { caller, sessions }) {
      const { records } = await readList(
        (page) => sessions.list(caller, { ...OLDEST_FIRST, ...page }),
        { limit: query.limit, offset: query.cursor },
      );
      return records.map(toSession);
    },
  }),
  getSessionRoute(V1),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/sessions/{session_id}',
    summary: "Merge metadata into a session's. A deleted session comes back.",
    toolset: 'sessions',
    request: {
      path: sessionPath,
      body: z.object({ metadata: metadata('The changes.').optional() }),
    },
    status: 200,
    answer: session,
    async run({ path: { session_id }, body: { metadata: patch = {} } }, { caller, sessions }) {
      const update = () => sessions.updateMetadata(caller, session_id, patch);
      const updated = await update().catch(async (error: unknown) => {
        if (!isDeletedSession(error)) throw error;
        await sessions.restore(caller, session_id);
        return update();
      });
      return toSession(updated);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/user/{user_id}/sessions',
    summary: "List a user's sessions, oldest first.",
    toolset: 'sessions',
    request: { path: userPath, query: offsetQuery },
    status: 200,
    answer: z.array(session),
    async run({ path: { user_id }, query }, { caller, sessions, users }) {
      await users.get(caller, user_id);
      const { records } = await readList(
        (page) => sessions.list(caller, { ...OLDEST_FIRST, user_id, ...page }),
        { limit: query.limit, offset: query.cursor },
      );
      return records.map(toSession);
    },
  }),
];

const isDeletedSession = (error: unknown): boolean =>
  isRefusal(error, 'session_not_found') && error.fact.deletion !== undefined;
