/** Messages whose append changes a session. */
export const messages = [{ role: 'user', content: 'a new message' }];

export const sessionUri = (id: string) => `session://${encodeURIComponent(id)}`;

/** The tools besides add_memory that change a session, with their arguments besides session_id. */
export const changesOf = (uuid: string) =>
  [
    ['update_session', { title: 'A title' }],
    ['update_session_metadata', { metadata: { a: 1 } }],
    ['update_message_metadata', { uuid, metadata: { a: 1 } }],
    ['set_summary', { content: 'A message was added.', up_to_seq: 1 }],
    ['delete_session', {}],
    ['restore_session', {}],
  ] as const;
