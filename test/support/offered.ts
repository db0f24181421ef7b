/** The tools that change nothing, in the order in which they are offered. */
export const READING = [
  'get_session',
  'list_sessions',
  'get_memory',
  'list_messages',
  'search_memory',
  'get_user',
  'list_users',
];
