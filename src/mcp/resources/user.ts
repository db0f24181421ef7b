import { userId } from '../../domain/records.ts';
import { defineResource } from '../resource.ts';

export const userResource = defineResource({
  name: 'user',
  title: 'User',
  description: 'One user: name, e-mail address, metadata.',
  path: 'user://{user_id}',
  variable: 'user_id',
  identifier: userId,
  mimeType: 'application/json',
  async read({ id }, { caller, users }) {
    return JSON.stringify({ user: await users.get(caller, id) });
  },
  complete: (prefix, limit, { caller, users }) => users.complete(caller, prefix, limit),
});
