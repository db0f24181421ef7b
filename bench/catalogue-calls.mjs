// A call of every tool of the catalogue, and of more than one kind where the kinds differ in what they
// cost, with what each needs to find.

import { v7 as newUuid } from 'uuid';

const USER_SESSIONS = 60;
const MESSAGES = 120;

/** Who a pinned caller is pinned to; the calls are on records of theirs. */
export const PINNED_TO = 'ada';

const turns = (count) =>
  Array.from({ length: count }, (_, index) => ({
    role: index % 2 === 0 ? 'user' : 'assistant',
    content: `What was said in turn ${index}`,
  }));

const withUuids = (messages) => messages.map((message) => ({ ...message, uuid: newUuid() }));

/** Stores what the calls find, and returns them: `{ name, args, label, kind }`. */
export async function prepareCalls(call, namespace) {
  const add = (name, args) => call({ namespace }, name, args);
  for (const user_id of ['ada', 'grace', 'gone']) await add('add_user', { user_id });
  for (let number = 0; number < USER_SESSIONS; number++) {
    await add('add_session', { session_id: `ada/${number}`, user_id: 'ada' });
    await add('add_session', { session_id: `free-${number}` });
  }
  await add('add_session', { session_id: 'gone/1', user_id: 'gone' });
  const talk = { session_id: 'ada/0' };
  for (let done = 0; done < MESSAGES; done += 40) {
    await add('add_memory', { ...talk, messages: turns(40) });
  }
  const { messages } = await add('list_messages', { ...talk, limit: 50 });
  const page = async (name, args) => (await add(name, args)).next_cursor;
  const repeated = withUuids(turns(2));
  await add('add_memory', { ...talk, messages: repeated });
  for (const session_id of ['ada/50', 'ada/51']) await add('delete_session', { session_id });
  await add('delete_user', { user_id: 'gone' });
  const summary = { content: 'They met.', up_to_seq: 100 };

  const read = (label, name, args = {}) => ({ label, name, args, kind: 'read' });
  const counted = (label, name, args) => ({ label, name, args, kind: 'count' });
  const write = (label, name, args) => ({ label, name, args, kind: 'session write' });
  const append = (label, kind, args) => ({ label, name: 'add_memory', args, kind });
  const other = (label, name, args) => ({ label, name, args, kind: 'other' });
  const total = { include_total: true };
  return [
    read('get_session', 'get_session', talk),
    read('list_sessions', 'list_sessions'),
    read('list_sessions by cursor', 'list_sessions', { cursor: await page('list_sessions', {}) }),
    read('list_sessions of a user', 'list_sessions', { user_id: 'ada' }),
    read('list_sessions, page 2', 'list_sessions', { page_size: 20, page_number: 2 }),
    read('list_sessions, deleted', 'list_sessions', { deleted: 'only' }),
    counted('list_sessions, include_total', 'list_sessions', total),
    read('get_memory', 'get_memory', talk),
    read('list_messages', 'list_messages', talk),
    read('list_messages by cursor', 'list_messages', {
      ...talk,
      cursor: await page('list_messages', talk),
    }),
    read('list_messages, from_seq, desc', 'list_messages', {
      ...{ ...talk, from_seq: 60, order: 'desc' },
    }),
    read('list_messages, include_total', 'list_messages', { ...talk, ...total }),
    read('read message (resource)', 'read message', { ...talk, uuid: messages[7].uuid }),
    read('get_user', 'get_user', { user_id: 'ada' }),
    read('list_users', 'list_users'),
    counted('list_users, include_total', 'list_users', total),
    ...['session', 'user', 'namespace'].map((scope) => ({
      ...{ label: `search_memory in a ${scope}`, name: 'search_memory', kind: 'search' },
      args: {
        query: 'said in turn',
        ...(scope === 'session' && talk),
        ...(scope === 'user' && { user_id: 'ada' }),
      },
    })),
    write('add_session', 'add_session', { session_id: 'ada/new' }),
    write('add_session with user_id', 'add_session', { session_id: 'ada/own', user_id: 'ada' }),
    write('update_session_metadata', 'update_session_metadata', {
      ...{ session_id: 'ada/1', metadata: { topic: 'travel' } },
    }),
    write('delete_session', 'delete_session', { session_id: 'ada/0' }),
    write('restore_session', 'restore_session', { session_id: 'ada/0' }),
    append('add_memory, the first to a session since the start', 'append', {
      ...{ ...talk, messages: turns(1) },
    }),
    append('add_memory of 1', 'append', { ...talk, messages: turns(1) }),
    append('add_memory of 100', 'append', { ...talk, messages: turns(100) }),
    append('add_memory of 1,000', 'append', { ...talk, messages: turns(1000) }),
    append('add_memory, creates the session', 'append', {
      ...{ session_id: 'ada/none', messages: turns(2) },
    }),
    append('add_memory with new uuids', 'given', { ...talk, messages: withUuids(turns(2)) }),
    append('add_memory with new uuids, creates the session', 'given', {
      ...{ session_id: 'ada/another', messages: withUuids(turns(2)) },
    }),
    append('add_memory, revives', 'revived', { session_id: 'ada/50', messages: turns(2) }),
    append('add_memory, revives, with uuids', 'revived given', {
      ...{ session_id: 'ada/51', messages: withUuids(turns(2)) },
    }),
    append('add_memory, all of it once more', 'repeated', { ...talk, messages: repeated }),
    other('update_message_metadata', 'update_message_metadata', {
      ...{ ...talk, uuid: messages[7].uuid, metadata: { rating: 5 } },
    }),
    other('update_session, title', 'update_session', { session_id: 'ada/2', title: 'Lisbon' }),
    other('delete_messages', 'delete_messages', { ...talk, uuids: [messages[9].uuid] }),
    other('restore_messages', 'restore_messages', { ...talk, uuids: [messages[9].uuid] }),
    other('set_summary', 'set_summary', { ...talk, ...summary }),
    other('add_user', 'add_user', { user_id: 'new' }),
    other('update_user', 'update_user', { user_id: 'ada', first_name: 'Ada' }),
    other('restore_user with 1 session', 'restore_user', { user_id: 'gone' }),
    other('delete_user with 1 session', 'delete_user', { user_id: 'gone' }),
  ];
}
