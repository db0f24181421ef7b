import { z } from 'zod';
import { metadata } from '../domain/metadata.ts';
import { userId } from '../domain/records.ts';
import { userFields } from '../domain/user-fields.ts';
import type { Generation } from './generation.ts';
import { userPath } from './parameters.ts';
import { defineRoute } from './route.ts';

const { email, first_name, last_name } = userFields;

const fields = {
  email: email.optional(),
  first_name: first_name.optional(),
  last_name: last_name.optional(),
  metadata: metadata('Any JSON object.').optional(),
};

/** The body of a request that adds a user. */
const newUser = z.object({ user_id: userId, ...fields });

/** The body of a request that changes a user. */
const userChanges = z.object(fields);

export const addUserRoute = ({ prefix, users, user }: Generation) =>
  defineRoute({
    method: 'POST',
    path: `${prefix}${users}`,
    summary: 'Add a user.',
    toolset: 'users',
    needs: 'unpinned',
    request: { body: newUser },
    status: 201,
    answer: user.schema,
    run: async ({ body }, { caller, users }) => user.show(await users.add(caller, body)),
  });

/** The routes that name a user. */
export const userRoutes = ({ prefix, users, user, done }: Generation) => [
  defineRoute({
    method: 'GET',
    path: `${prefix}${users}/{user_id}`,
    summary: 'Get a user.',
    toolset: 'users',
    request: { path: userPath },
    status: 200,
    answer: user.schema,
    run: async ({ path }, { caller, users }) => user.show(await users.get(caller, path.user_id)),
  }),
  defineRoute({
    method: 'PATCH',
    path: `${prefix}${users}/{user_id}`,
    summary: 'Change a user. Metadata is merged.',
    toolset: 'users',
    request: { path: userPath, body: userChanges },
    status: 200,
    answer: user.schema,
    run: async ({ path, body }, { caller, users }) =>
      user.show(await users.update(caller, path.user_id, body)),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${prefix}${users}/{user_id}`,
    summary: 'Delete a user with all of their sessions.',
    toolset: 'users',
    needs: 'admin',
    request: { path: userPath },
    status: 200,
    answer: done.schema,
    async run({ path }, { caller, users }) {
      await users.get(caller, path.user_id);
      await users.delete(caller, path.user_id);
      return done.show();
    },
  }),
];
