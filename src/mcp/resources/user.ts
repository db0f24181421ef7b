import { userId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';

export const userResource = defineResource({
  name: 'user',
  title: 'User',
  description: 'One user: name, e-mail address, metadata.',
  path: 'user://{user_id}',
  variables: { user_id: userId },
  mimeType: 'application/json',
  async read({ ids }, { caller, users }) {
    return JSON.stringify({ user: await users.get(caller, ids.user_id as string) });
  },
  complete: {
    user_id: (prefix, limit, { caller, users }) => users.complete(caller, prefix, limit),
  },
});
