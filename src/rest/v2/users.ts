import { z } from 'zod';
import { NEWEST_FIRST, readList } from '../lists.ts';
import { numberedQuery, offsetOf } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { addUserRoute, userRoutes } from '../users.ts';
import { toUser, user, V2 } from './records.ts';

export const USER_ROUTES = [
  addUserRoute(V2),
  defineRoute({
    method: 'GET',
    path: '/api/v2/users-ordered',
    summary: 'List users, newest first.',
    toolset: 'users',
    request: { query: numberedQuery },
    status: 200,
    answer: z.object({ users: z.array(user), total_count: z.int(), row_count: z.int() }),
    async run({ query }, { caller, users }) {
      const { records, total = 0 } = await readList(
        (page) => users.list(caller, { ...NEWEST_FIRST, ...page, include_total: true }),
        offsetOf(query),
      );
      return { users: records.map(toUser), total_count: total, row_count: records.length };
    },
  }),
  ...userRoutes(V2),
];
