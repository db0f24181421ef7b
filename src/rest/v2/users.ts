import { z } from 'zod';
import { readList } from '../lists.ts';
import { numberedQuery, offsetOf, userPath } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { newUser, userChanges } from '../users.ts';
import { toUser, user } from './records.ts';

export const USER_ROUTES = [
  defineRoute({
    method: 'POST',
    path: '/api/v2/users',
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
    path: '/api/v2/users-ordered',
    summary: 'List users, newest first.',
    toolset: 'users',
    request: { query: numberedQuery },
    status: 200,
    answer: z.object({ users: z.array(user), total_count: z.int(), row_count: z.int() }),
    async run({ query }, { caller, users }) {
      const list = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;
      const { records, total = 0 } = await readList(
        (page) => users.list(caller, { ...list, ...page, include_total: true }),
        offsetOf(query),
      );
      return { users: records.map(toUser), total_count: total, row_count: records.length };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/v2/users/{user_id}',
    summary: 'Get a user.',
    toolset: 'users',
    request: { path: userPath },
    status: 200,
    answer: user,
    run: async ({ path }, { caller, users }) => toUser(await users.get(caller, path.user_id)),
  }),
  defineRoute({
    method: 'PATCH',
    path: '/api/v2/users/{user_id}',
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
    path: '/api/v2/users/{user_id}',
    summary: 'Delete a user with all of their sessions.',
    toolset: 'users',
    needs: 'admin',
    request: { path: userPath },
    status: 200,
    answer: z.object({ message: z.literal('OK') }),
    async run({ path }, { caller, users }) {
      await users.get(caller, path.user_id);
      await users.delete(caller, path.user_id);
      return { message: 'OK' as const };
    },
  }),
];
