// The records that the store section reads and writes, the same for both stores and for bare drivers.

import { v7 as newUuid } from 'uuid';
import { dist } from './support.mjs';
import { randomFrom, sentence } from './text.mjs';

export const NAMESPACE = 'bench';
const REACH = { namespace: NAMESPACE };
export const CALLERS = 16;
/** Sessions and users that a list goes through. */
export const LISTED = 200;
/** Messages in each session that is read. */
export const CONVERSATION = 100;
const WORDS = 30;

const { termsOf } = await import(dist('search/analyzer.js'));
const { estimateTokens } = await import(dist('services/append.js'));

const random = randomFrom(1);
const TEXTS = Array.from({ length: CONVERSATION }, () => {
  const content = sentence(random, WORDS);
  const role = 'user';
  return { role, content, terms: termsOf({ role, content }), token_count: estimateTokens(content) };
});

const times = () => {
  const at = new Date().toISOString();
  return { created_at: at, updated_at: at };
};

export const metadata = { topic: 'travel', turn: 0, tags: ['spring', 'hotel'] };

export const newSession = (session_id = newUuid()) => ({
  session_id,
  uuid: newUuid(),
  metadata,
  message_count: 0,
  ...times(),
});

export const newUser = (user_id = newUuid()) => ({
  user_id,
  uuid: newUuid(),
  email: 'ada@example.org',
  first_name: 'Ada',
  metadata,
  ...times(),
});

export const newAppend = (count) => ({
  messages: TEXTS.slice(0, count).map((text) => ({
    uuid: newUuid(),
    given: false,
    metadata: {},
    ...text,
  })),
  hasClientUuids: false,
  at: new Date().toISOString(),
  session_uuid: newUuid(),
  thread: newUuid(),
  newUuid,
});

export const sessionOf = (caller) => `read-${caller}`;
export const userOf = (caller) => `user-${caller}`;
export const appendedOf = (caller, count) => `append-${count}-${caller}`;

export const QUERY = { order_by: 'created_at', order: 'desc', deleted: 'exclude' };
export const WINDOW = { limit: 50, metadataMaxBytes: 8000 };
export const stretch = (limit) => ({
  order: 'desc',
  limit,
  enough: { total: 90_000, each: 8000 },
  metadataMaxBytes: 8000,
});

/** Stores what is read, and the sessions that are appended to. Returns a uuid of each caller's. */
export async function fill(store) {
  for (let number = 0; number < LISTED; number++) {
    await store.sessions.insert(NAMESPACE, newSession(sessionOf(number)));
    await store.users.insert(NAMESPACE, newUser(userOf(number)));
  }
  const uuids = [];
  for (let caller = 0; caller < CALLERS; caller++) {
    const append = newAppend(CONVERSATION);
    uuids.push(append.messages[50].uuid);
    await store.messages.append(REACH, sessionOf(caller), append);
    for (const count of APPENDS) {
      await store.messages.append(REACH, appendedOf(caller, count), newAppend(1));
    }
  }
  return uuids;
}

/** How many messages are appended at once. */
export const APPENDS = [2, 100];

/** The reads: their names, and each as the store does it, for a caller. */
export function reads(store, uuids) {
  return {
    'sessions.find': (caller) => store.sessions.find(REACH, sessionOf(caller)),
    'sessions.list of 50': () => store.sessions.list(NAMESPACE, QUERY, WINDOW),
    'messages.read of 12': (caller) => store.messages.read(REACH, sessionOf(caller), stretch(12)),
    'messages.read of 50': (caller) => store.messages.read(REACH, sessionOf(caller), stretch(50)),
    'messages.find': (caller) => store.messages.find(REACH, sessionOf(caller), uuids[caller]),
    'users.find': (caller) => store.users.find(NAMESPACE, userOf(caller)),
    'users.list of 50': () => store.users.list(NAMESPACE, QUERY, WINDOW),
  };
}

/** The writes, likewise; `append of` are those of which the target speaks. */
export function writes(store) {
  let turn = 0;
  const now = () => new Date().toISOString();
  return {
    'sessions.insert': () => store.sessions.insert(NAMESPACE, newSession()),
    'sessions.merge': (caller) =>
      store.sessions.merge(REACH, sessionOf(caller), { turn: ++turn }, now()),
    ...Object.fromEntries(
      APPENDS.map((count) => [
        `messages.append of ${count}`,
        (caller) => store.messages.append(REACH, appendedOf(caller, count), newAppend(count)),
      ]),
    ),
    'users.insert': () => store.users.insert(NAMESPACE, newUser()),
  };
}
