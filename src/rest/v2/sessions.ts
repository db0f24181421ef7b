import { z } from 'zod';
import { metadata } from '../../domain/metadata.ts';
import { sessionId, userId } from '../../domain/records.ts';
import { readList } from '../lists.ts';
import { numberedQuery, offsetOf, sessionPath, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { unknownUserIsInvalid } from '../sessions.ts';
import { session, toSession } from './records.ts';

export const SESSION_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v2/sessions',
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
  defineRoute({
    method: 'GET',
    path: '/api/v2/sessions/{session_id}',
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
      const list = { order_by: 'created_at', order: 'desc', deleted: 'exclude', user_id } as const;
      const { records } = await readList((page) => sessions.list(caller, { ...list, ...page }), {
        limit: undefined,
        offset: 0,
      });
      return records.map(toSession);
    },
  }),
];
