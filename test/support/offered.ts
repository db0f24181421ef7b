/** The read-only tools, in the order of `tools/list`. */
export const READING = [
  'get_session',
  'list_sessions',
  'get_memory',
  'list_messages',
  'search_memory',
  'get_user',
  'list_users',
];
