import { z } from 'zod';
import { readList } from '../lists.ts';
import { offsetQuery, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { newUser, userChanges } from '../users.ts';
import { toUser, user } from './records.ts';

const OLDEST_FIRST = { order_by: 'created_at', order: 'asc', deleted: 'exclude' } as const;

export const USER_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v1/user',
    summary: 'Add a user.',
    toolset: 'users',
    needs: 'unpinned',
    request: { body: newUser },
    status: 201,
    answer: user,
    run: async ({ body }, { caller, users }) => toUser(await users.add(caller, body)),
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/user',
    summary: 'List users, oldest first.',
    toolset: 'users',
    request: { query: offsetQuery },
    status: 200,
    answer: z.array(user),
    async run({ query }, { caller, users }) {
      const { records } = await readList(
        (page) => users.list(caller, { ...OLDEST_FIRST, ...page }),
        { limit: query.limit, offset: query.cursor ?? 0 },
      );
      return records.map(toUser);
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v1/user/{user_id}',
    summary: 'Get a user.',
    toolset: 'users',
    request: { path: userPath },
    status: 200,
    answer: user,
    run: async ({ path }, { caller, users }) => toUser(await users.get(caller, path.user_id)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v1/user/{user_id}',
    summary: 'Change a user. Metadata is merged.',
    toolset: 'users',
    request: { path: userPath, body: userChanges },
    status: 200,
    answer: user,
    run: async ({ path, body }, { caller, users }) =>
      toUser(await users.update(caller, path.user_id, body)),
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/v1/user/{user_id}',
    summary: 'Delete a user with all of their sessions.',
    toolset: 'users',
    needs: 'admin',
    request: { path: userPath },
    status: 200,
    answer: z.literal('OK'),
    async run({ path }, { caller, users }) {
      await users.get(caller, path.user_id);
      await users.delete(caller, path.user_id);
      return 'OK' as const;
    },
  }),
];
