import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { sessionId, userId } from '../../domain/records.ts';
import { isRefusal } from '../../services/errors.ts';
import { readList } from '../lists.ts';
import { offsetQuery, sessionPath, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { unknownUserIsInvalid } from '../sessions.ts';
import { session, toSession } from './records.ts';

const OLDEST_FIRST = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;

export const SESSION_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/sessions',
    summary: 'Add a session.',
    toolset: 'sessions',
    request: {
      body: z.object({
        session_id: sessionId,
        user_id: userId.optional(),
        metadata: metadata('The metadata.').optional(),
      }),
    },
    status: 201,
    answer: session,
    run: async ({ body }, { caller, sessions }) =>
      toSession(await sessions.add(caller, body).catch(unknownUserIsInvalid)),
  }),
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
        { limit: query.limit, offset: query.cursor ?? 0 },
      );
      return records.map(toSession);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/sessions/{session_id}',
    summary: 'Get a session.',
    toolset: 'sessions',
    request: { path: sessionPath },
    status: 200,
    answer: session,
    run: async ({ path }, { caller, sessions }) =>
      toSession(await sessions.get(caller, path.session_id)),
  }),
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
        { limit: query.limit, offset: query.cursor ?? 0 },
      );
      return records.map(toSession);
    },
  }),
];

const isDeletedSession = (error: unknown): boolean =>
  isRefusal(error, 'session_not_found') && error.fact.deletion !== undefined;
