/** What is said so that there is news. */
export const messages = [{ role: 'user', content: 'news' }];

export const sessionUri = (id: string) => `session://${encodeURIComponent(id)}`;

/** All that changes a session but more messages: the tools, with what they take beside its identifier. */
export const changesOf = (uuid: string) =>
  [
    ['update_session_metadata', { metadata: { a: 1 } }],
    ['update_message_metadata', { uuid, metadata: { a: 1 } }],
    ['set_summary', { content: 'News came.', up_to_seq: 1 }],
    ['delete_session', {}],
    ['restore_session', {}],
  ] as const;
