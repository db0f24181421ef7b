import { userId } from '../../domain/records.ts';
import { defineResource } from './resource-uri.ts';
import { userResource } from './user.ts';

export const userSessionsResource = defineResource({
  name: 'user_sessions',
  title: 'Sessions of a user',
  description: 'The sessions of a user, newest first, a page at a time; next_cursor continues.',
  path: 'user://{user_id}/sessions',
  query: 'cursor',
  variables: { user_id: userId },
  mimeType: 'application/json',
  async read({ ids, query }, { caller, users, sessions }) {
    await users.get(caller, ids.user_id as string);
    const { records, ...page } = await sessions.list(caller, {
      user_id: ids.user_id,
      order_by: 'created_at',
      order: 'desc',
      deleted: 'exclude',
      cursor: query.cursor,
    });
    return JSON.stringify({ sessions: records, ...page });
  },
  complete: userResource.complete,
});
