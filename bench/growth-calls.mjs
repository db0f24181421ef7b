// The calls that the growth section makes on a store of a size.

import { MongoClient } from 'mongodb';
import {
  COMMON,
  FIRST_TIME,
  LONG,
  NAMESPACE,
  RARE,
  SESSIONS_OF_A_USER,
  sessionOf,
  userOf,
} from './growth-data.mjs';
import { dist } from './support.mjs';
import { randomFrom } from './text.mjs';

/** Messages by whose uuids one is read, spread over the session. */
const READ_MESSAGES = 100;

/** How many records page_number may skip. */
const PAGES_REACH = 100_000;

const LIST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' };
const TURNS = [
  { role: 'user', content: 'Is there a room with a view of the river?' },
  { role: 'assistant', content: 'There is one on the fourth floor, from the 5th on.' },
];

const { encodeCursor } = await import(dist('domain/pagination.js'));

/** A cursor to the middle, as `list` seals it: going there by pages would take an hour. */
function middleOf(list, size) {
  const position = { value: FIRST_TIME + size / 2, key: '' };
  const whose = list === 'sessions' ? [undefined, undefined] : [undefined];
  const { order_by, order, deleted } = LIST;
  return encodeCursor(position, [list, NAMESPACE, ...whose, order_by, order, deleted]);
}

/**
 * The calls on a store of `size`, each given the number of its round.
 *
 * @param callTool as `toolCaller` gives it
 * @returns `judged`, which may not grow, `unjudged`, which count, skip, search, or go through the sessions
 *   of a user, and how many bytes get_memory answers with
 */
export async function growthCalls(callTool, size) {
  const caller = { namespace: NAMESPACE };
  const call = (name, args) => callTool(caller, name, args);
  const long = { session_id: LONG };
  const half = { ...long, from_seq: size / 2 };
  const uuids = [];
  for (let number = 0; number < READ_MESSAGES; number++) {
    const from_seq = 1 + Math.floor((number * size) / READ_MESSAGES);
    const { messages } = await call('list_messages', { ...long, from_seq, limit: 1 });
    uuids.push(messages[0].uuid);
  }
  const behindHalf = { ...half, cursor: (await call('list_messages', half)).next_cursor };
  const sessionsFromMiddle = { cursor: middleOf('sessions', size) };
  const usersFromMiddle = { cursor: middleOf('users', size) };
  const far = { page_size: 50, page_number: Math.min(size / 2, PAGES_REACH) / 50 };
  const counted = { limit: 1, include_total: true };

  const random = randomFrom(size);
  const any = (count) => Math.floor(random() * count);
  const session = () => ({ session_id: sessionOf(any(size)) });
  const user = () => ({ user_id: userOf(any(size)) });
  const owner = () => ({ user_id: userOf(any(size / SESSIONS_OF_A_USER)) });
  const message = () => ({ ...long, uuid: uuids[any(READ_MESSAGES)] });
  const inTurn = async (args, ...names) => {
    for (const name of names) await call(name, args);
  };
  const search = (query, scope) => () => call('search_memory', { query, ...scope });
  return {
    judged: {
      get_session: () => call('get_session', session()),
      list_sessions: () => call('list_sessions', {}),
      'list_sessions by cursor, middle': () => call('list_sessions', sessionsFromMiddle),
      'list_sessions by updated_at': () => call('list_sessions', { order_by: 'updated_at' }),
      'list_sessions of a user': () => call('list_sessions', owner()),
      add_session: (round) => call('add_session', { session_id: `new-${round}` }),
      'add_session of a user': (round) =>
        call('add_session', { session_id: `own-${round}`, ...user() }),
      update_session_metadata: (round) =>
        call('update_session_metadata', { ...session(), metadata: { turn: round } }),
      'delete_session, restore_session': () => inTurn(long, 'delete_session', 'restore_session'),
      'add_memory of 2': () => call('add_memory', { ...long, messages: TURNS }),
      get_memory: () => call('get_memory', long),
      list_messages: () => call('list_messages', long),
      'list_messages, from_seq, middle': () => call('list_messages', half),
      'list_messages by cursor, middle': () => call('list_messages', behindHalf),
      'list_messages, include_total': () => call('list_messages', { ...long, include_total: true }),
      'read message': () => call('read message', message()),
      update_message_metadata: (round) =>
        call('update_message_metadata', { ...message(), metadata: { rating: round } }),
      set_summary: () =>
        call('set_summary', { ...long, content: 'They asked for a room.', up_to_seq: size }),
      add_user: (round) => call('add_user', { user_id: `new-${round}` }),
      get_user: () => call('get_user', user()),
      list_users: () => call('list_users', {}),
      'list_users by cursor, middle': () => call('list_users', usersFromMiddle),
      update_user: (round) => call('update_user', { ...user(), metadata: { turn: round } }),
    },
    unjudged: {
      'list_sessions, include_total': () => call('list_sessions', counted),
      'list_users, include_total': () => call('list_users', counted),
      'list_sessions by page_number, far': () => call('list_sessions', far),
      'delete_user, restore_user': () =>
        inTurn({ user_id: userOf(0) }, 'delete_user', 'restore_user'),
      [`search in a session, ${RARE.messages} have it`]: search(RARE.word, long),
      'search in a session, all have it': search(COMMON, long),
      [`search in a user, ${RARE.messages} have it`]: search(RARE.word, { user_id: LONG }),
      'search in a user, all have it': search(COMMON, { user_id: LONG }),
      [`search in the namespace, ${RARE.messages} have it`]: search(RARE.word, {}),
      'search in the namespace, all have it': search(COMMON, {}),
    },
    bytesOfMemory: async () => Buffer.byteLength(JSON.stringify(await call('get_memory', long))),
  };
}

/**
 * Calls of the bare driver on the sessions of a MongoDB, by nothing but `_id`: what no server needs the
 * longer for the more there are, unless it does so with everything.
 *
 * @returns the calls, and what closes the driver
 */
export async function controlCalls({ uri, database }) {
  const client = new MongoClient(uri);
  const { sessionsOf } = await import(dist('store/mongodb/documents.js'));
  const sessions = sessionsOf(client.db(database));
  const { _id } = await sessions.findOne({ namespace: NAMESPACE, session_id: sessionOf(7) });
  const calls = {
    findOne: () => sessions.findOne({ _id }),
    'find, sorted, the first 51': () => sessions.find().sort({ _id: -1 }).limit(51).toArray(),
    updateOne: (round) => sessions.updateOne({ _id }, { $set: { round } }),
    findOneAndUpdate: (round) => sessions.findOneAndUpdate({ _id }, { $set: { round } }),
  };
  return { calls, close: () => client.close() };
}
