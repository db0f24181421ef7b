/** Identifiers that a stranger tries, of existing records or of none. */
export interface Target {
  session_id: string;
  user_id: string;
  /** Of a message in that session. */
  uuid: string;
  /** Cursors of lists that show these records. */
  cursors: { sessions: string; ofUser: string; users: string; messages: string; search: string };
}

type Args = Record<string, unknown>;

const said = { role: 'user', content: 'probe' };

/**
 * For every tool, the calls that could reveal to a stranger whether a record exists. Lists that name no
 * record are tested elsewhere: they show the caller's own records.
 *
 * @param own an identifier that the stranger may create a session with
 */
export const CASES: Record<string, (target: Target, own: string) => Args[]> = {
  add_session: ({ session_id, user_id }, own) => [
    { session_id },
    { session_id, user_id },
    { session_id: own, user_id },
  ],
  get_session: ({ session_id }) => [{ session_id }],
  list_sessions: ({ user_id, cursors }) => [
    { user_id },
    { user_id, include_total: true },
    { user_id, deleted: 'only', include_total: true },
    { user_id, page_number: 1, page_size: 1 },
    { limit: 1, cursor: cursors.sessions },
    { limit: 1, user_id, cursor: cursors.ofUser },
    { limit: 1, cursor: cursors.ofUser },
  ],
  update_session: ({ session_id, user_id }) => [
    { session_id, title: 'probe' },
    { session_id, user_id },
    { session_id },
  ],
  update_session_metadata: ({ session_id }) => [
    { session_id, metadata: { probe: 1 } },
    { session_id, metadata: {} },
  ],
  delete_session: ({ session_id }) => [{ session_id }],
  restore_session: ({ session_id }) => [{ session_id }],
  add_memory: ({ session_id, user_id, uuid }) => [
    { session_id, messages: [said] },
    { session_id, user_id, messages: [said] },
    { session_id, messages: [{ ...said, uuid }] },
  ],
  get_memory: ({ session_id }) => [{ session_id }, { session_id, last_n: 1, max_tokens: 1 }],
  list_messages: ({ session_id, cursors }) => [
    { session_id },
    { session_id, order: 'desc', from_seq: 2, include_total: true },
    { session_id, limit: 1, cursor: cursors.messages },
  ],
  search_memory: ({ session_id, user_id, cursors }) => [
    { query: 'SECRET-7f3a' },
    { query: 'SECRET-7f3a', session_id, neighbours: 5 },
    { query: 'SECRET-7f3a', user_id, metadata: {} },
    { query: 'SECRET-7f3a', limit: 1, cursor: cursors.search },
  ],
  update_message_metadata: ({ session_id, uuid }) => [{ session_id, uuid, metadata: { probe: 1 } }],
  set_summary: ({ session_id }) => [{ session_id, content: 'probe', up_to_seq: 1 }],
  delete_messages: ({ session_id, uuid }) => [{ session_id, uuids: [uuid] }],
  restore_messages: ({ session_id, uuid }) => [{ session_id, uuids: [uuid] }],
  add_user: ({ user_id }) => [{ user_id }],
  get_user: ({ user_id }) => [{ user_id }],
  list_users: ({ cursors }) => [{ limit: 1, cursor: cursors.users }],
  update_user: ({ user_id }) => [{ user_id, first_name: 'probe' }, { user_id }],
  delete_user: ({ user_id }) => [{ user_id }],
  restore_user: ({ user_id }) => [{ user_id }],
};
