import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { NEWEST_FIRST, readList } from '../lists.ts';
import { numberedQuery, offsetOf, sessionPath, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { addSessionRoute, getSessionRoute } from '../sessions.ts';
import { session, toSession, V2 } from './records.ts';

export const SESSION_ROUTES = [
  addSessionRoute(V2),
  defineRoute({
    method: 'GET',
    path: '/api/v2/sessions-ordered',
    summary: 'List sessions, newest first.',
    toolset: 'sessions',
    request: {
      query: numberedQuery.extend({
        order_by: z.enum(['created_at', 'updated_at', 'user_id', 'session_id']).optional(),
        asc: z.boolean().optional(),
      }),
    },
    status: 200,
    answer: z.object({
      sessions: z.array(session),
      total_count: z.int(),
      response_count: z.int(),
    }),
    async run({ query }, { caller, sessions }) {
      const { order_by, asc } = query;
      const list = {
        order_by: order_by === 'updated_at' ? order_by : 'created_at',
        order: asc === true ? 'asc' : 'desc',
        deleted: 'exclude',
        include_total: true,
      } as const;
      const { records, total = 0 } = await readList(
        (page) => sessions.list(caller, { ...list, ...page }),
        offsetOf(query),
      );
      return {
        sessions: records.map(toSession),
        total_count: total,
        response_count: records.length,
      };
    },
  }),
  getSessionRoute(V2),
  defineRoute({
    method: 'PATCH',
    path: '/api/v2/sessions/{session_id}',
    summary: "Merge metadata into a session's.",
    toolset: 'sessions',
    request: {
      path: sessionPath,
      body: z.object({ metadata: metadata('The changes.').optional() }),
    },
    status: 200,
    answer: session,
    run: async ({ path, body: { metadata: patch = {} } }, { caller, sessions }) =>
      toSession(await sessions.updateMetadata(caller, path.session_id, patch)),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/users/{user_id}/sessions',
    summary: "List a user's sessions, newest first.",
    toolset: 'sessions',
    request: { path: userPath },
    status: 200,
    answer: z.array(session),
    async run({ path: { user_id } }, { caller, sessions, users }) {
      await users.get(caller, user_id);
      const { records } = await readList((page) =>
        sessions.list(caller, { ...NEWEST_FIRST, user_id, ...page }),
      );
      return records.map(toSession);
    },
  }),
];
