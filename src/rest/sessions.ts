import { z } from 'zod';
import { metadata } from '../domain/metadata.ts';
import { sessionId, userId } from '../domain/records.ts';
import { isRefusal } from '../services/errors.ts';
import { RestError, refusalText } from './errors.ts';
import type { Generation } from './generation.ts';
import { sessionPath } from './parameters.ts';
import { defineRoute } from './route.ts';

export const addSessionRoute = ({ prefix, session }: Generation) =>
  defineRoute({
    method: 'POST',
    path: `${prefix}/sessions`,
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
    answer: session.schema,
    run: async ({ body }, { caller, sessions }) =>
      session.show(await sessions.add(caller, body).catch(unknownUserIsInvalid)),
  });

export const getSessionRoute = ({ prefix, session }: Generation) =>
  defineRoute({
    method: 'GET',
    path: `${prefix}/sessions/{session_id}`,
    summary: 'Get a session.',
    toolset: 'sessions',
    request: { path: sessionPath },
    status: 200,
    answer: session.schema,
    run: async ({ path }, { caller, sessions }) =>
      session.show(await sessions.get(caller, path.session_id)),
  });

/** To a client that adds a session, a missing user is a wrong argument. */
function unknownUserIsInvalid(error: unknown): never {
  if (!isRefusal(error, 'user_not_found')) throw error;
  throw new RestError('INVALID_ARGUMENT', refusalText(error.fact));
}
