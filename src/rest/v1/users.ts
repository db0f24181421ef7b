import { z } from 'zod';
import { OLDEST_FIRST, readList } from '../lists.ts';
import { offsetQuery } from '../parameters.ts';
import { defineRoute } from '../route.ts';
import { addUserRoute, userRoutes } from '../users.ts';
import { toUser, user, V1 } from './records.ts';

export const USER_ROUTES = [
  addUserRoute(V1),
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
        { limit: query.limit, offset: query.cursor },
      );
      return records.map(toUser);
    },
  }),
  ...userRoutes(V1),
];
