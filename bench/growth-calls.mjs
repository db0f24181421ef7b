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

const LIST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' };
const TURNS = [
  { role: 'user', content: 'Is there a room with a view of the river?' },
  { role: 'assistant', content: 'There is one on the fourth floor, from the 5th on.' },
];

const { sealCursor } = await import(dist('domain/pages.js'));

/** A cursor to the middle, as `list` seals it: going there by pages would take an hour. */
function middleOf(list, size) {
  const position = { value: FIRST_TIME + size / 2, key: '' };
  const whose = list === 'sessions' ? [undefined, undefined] : [undefined];
  const { order_by, order, deleted } = LIST;
  return sealCursor(position, [list, NAMESPACE, ...whose, order_by, order, deleted]);
}

/** Uuids of messages all over the long session, and a cursor to its middle. */
async function lookAhead({ memory }, caller, size) {
  const uuids = [];
  for (let number = 0; number < READ_MESSAGES; number++) {
    const from_seq = 1 + Math.floor((number * size) / READ_MESSAGES);
    const { messages } = await memory.list(caller, LONG, { order: 'asc', from_seq, limit: 1 });
    uuids.push(messages[0].uuid);
  }
  const half = { order: 'asc', from_seq: size / 2 };
  return { uuids, cursor: (await memory.list(caller, LONG, half)).next_cursor };
}

/**
 * The calls on a store of `size`, each given the number of its round.
 *
 * @returns `judged`, which may not grow, and `told`, which count, skip or search
 */
export async function growthCalls(services, size) {
  const { sessions, memory, search, users } = services;
  const caller = { namespace: NAMESPACE };
  const known = await lookAhead(services, caller, size);
  const random = randomFrom(size);
  const any = (count) => Math.floor(random() * count);
  const anySession = () => sessionOf(any(size));
  const anyMessage = () => known.uuids[any(READ_MESSAGES)];
  const owner = () => userOf(any(size / SESSIONS_OF_A_USER));
  const asc = { order: 'asc' };
  const look = (query, scope) => () => search.search(caller, { query, ...scope });
  return {
    judged: {
      get_session: () => sessions.get(caller, anySession()),
      list_sessions: () => sessions.list(caller, LIST),
      'list_sessions by cursor, middle': () =>
        sessions.list(caller, { ...LIST, cursor: middleOf('sessions', size) }),
      'list_sessions by updated_at': () =>
        sessions.list(caller, { ...LIST, order_by: 'updated_at' }),
      'list_sessions of a user': () => sessions.list(caller, { ...LIST, user_id: owner() }),
      add_session: (round) => sessions.add(caller, { session_id: `new-${round}` }),
      'add_session of a user': (round) =>
        sessions.add(caller, { session_id: `own-${round}`, user_id: userOf(any(size)) }),
      update_session_metadata: (round) =>
        sessions.updateMetadata(caller, anySession(), { turn: round }),
      'delete_session, restore_session': async () => {
        await sessions.delete(caller, LONG);
        await sessions.restore(caller, LONG);
      },
      'add_memory of 2': () => memory.add(caller, LONG, TURNS),
      get_memory: () => memory.get(caller, LONG),
      list_messages: () => memory.list(caller, LONG, asc),
      'list_messages, from_seq, middle': () =>
        memory.list(caller, LONG, { ...asc, from_seq: size / 4 }),
      'list_messages by cursor, middle': () =>
        memory.list(caller, LONG, { ...asc, from_seq: size / 2, cursor: known.cursor }),
      'list_messages, include_total': () =>
        memory.list(caller, LONG, { ...asc, include_total: true }),
      'read message': () => memory.getMessage(caller, LONG, anyMessage()),
      update_message_metadata: (round) =>
        memory.updateMetadata(caller, LONG, anyMessage(), { rating: round }),
      set_summary: () =>
        memory.summarize(caller, LONG, { content: 'They asked for a room.', up_to_seq: size }),
      add_user: (round) => users.add(caller, { user_id: `new-${round}` }),
      get_user: () => users.get(caller, userOf(any(size))),
      list_users: () => users.list(caller, LIST),
      'list_users by cursor, middle': () =>
        users.list(caller, { ...LIST, cursor: middleOf('users', size) }),
      update_user: (round) =>
        users.update(caller, userOf(any(size)), { metadata: { turn: round } }),
      'delete_user, restore_user': async () => {
        await users.delete(caller, userOf(0));
        await users.restore(caller, userOf(0));
      },
    },
    told: {
      'list_sessions, include_total': () =>
        sessions.list(caller, { ...LIST, limit: 1, include_total: true }),
      'list_users, include_total': () =>
        users.list(caller, { ...LIST, limit: 1, include_total: true }),
      'list_sessions by page_number, middle': () =>
        sessions.list(caller, { ...LIST, page_size: 50, page_number: size / 100 }),
      [`search in a session, ${RARE.messages} have it`]: look(RARE.word, { session_id: LONG }),
      'search in a session, all have it': look(COMMON, { session_id: LONG }),
      [`search in a user, ${RARE.messages} have it`]: look(RARE.word, { user_id: LONG }),
      'search in a user, all have it': look(COMMON, { user_id: LONG }),
      [`search in the namespace, ${RARE.messages} have it`]: look(RARE.word, {}),
      'search in the namespace, all have it': look(COMMON, {}),
    },
    bytesOfMemory: async () => Buffer.byteLength(JSON.stringify(await memory.get(caller, LONG))),
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
  const sessions = client.db(database).collection('sessions');
  const { _id } = await sessions.findOne({ namespace: NAMESPACE, session_id: sessionOf(7) });
  const calls = {
    findOne: () => sessions.findOne({ _id }),
    'find, sorted, the first 51': () => sessions.find().sort({ _id: -1 }).limit(51).toArray(),
    updateOne: (round) => sessions.updateOne({ _id }, { $set: { round } }),
    findOneAndUpdate: (round) => sessions.findOneAndUpdate({ _id }, { $set: { round } }),
  };
  return { calls, close: () => client.close() };
}
