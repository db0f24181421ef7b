// What the growth section asks: stores that differ in nothing but their size. One of size N has N users,
// N sessions, a hundred to each user as far as they go, and a session of N messages.

import { MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import { openBare } from './statements.mjs';
import { dist } from './support.mjs';
import { randomFrom, sentence } from './text.mjs';

/** The session of N messages, and its user. */
export const LONG = 'long';
export const SESSIONS_OF_A_USER = 100;
/** A word that so many messages have, however many there are; and one that all have. */
export const RARE = { word: 'xrarely', messages: 20 };
export const COMMON = 'xcommonly';

const BATCH = 10_000;
const APPENDED = 1000;
const LOADERS = 3;
const TRIES = 5;
/** When the first session and user came to be; the others, a millisecond later each. */
export const FIRST_TIME = Date.UTC(2026, 0, 1);

export const NAMESPACE = 'bench';
export const sessionOf = (number) => `session-${number}`;
export const userOf = (number) => `user-${number}`;

const { termsOf } = await import(dist('search/analyzer.js'));
const { estimateTokens } = await import(dist('services/append.js'));

const timesOf = (number) => {
  const at = new Date(FIRST_TIME + number).toISOString();
  return { created_at: at, updated_at: at };
};

const userRecord = (number) => ({
  user_id: number === -1 ? LONG : userOf(number),
  uuid: newUuid(),
  metadata: {},
  ...timesOf(number),
});

const sessionRecord = (number) => ({
  session_id: number === -1 ? LONG : sessionOf(number),
  uuid: newUuid(),
  user_id: number === -1 ? LONG : userOf(Math.floor(number / SESSIONS_OF_A_USER)),
  metadata: { topic: 'travel' },
  message_count: 0,
  ...timesOf(number),
});

/** Numbers from 0 in batches, the first of which is the long one alone, as -1. */
function* batches(size) {
  yield [-1];
  for (let first = 0; first < size; first += BATCH) {
    const count = Math.min(BATCH, size - first);
    yield Array.from({ length: count }, (_, index) => first + index);
  }
}

/** Appends through the store: what a message is found by is its affair. */
async function appendMessages(store, size) {
  const random = randomFrom(size);
  const every = Math.floor(size / RARE.messages);
  for (let done = 0; done < size; done += APPENDED) {
    const messages = Array.from({ length: APPENDED }, (_, index) => {
      const rare = (done + index) % every === 0 ? ` ${RARE.word}` : '';
      const content = `${sentence(random, 3)} ${COMMON}${rare}`;
      const role = index % 2 === 0 ? 'user' : 'assistant';
      const found = { terms: termsOf({ role, content }), token_count: estimateTokens(content) };
      return { uuid: newUuid(), given: false, metadata: {}, role, content, ...found };
    });
    const of = { newUuid, at: new Date().toISOString() };
    const append = { messages, hasClientUuids: false, ...of };
    await patiently(() => store.messages.append({ namespace: NAMESPACE }, LONG, append));
  }
}

/** Repeats what is safe to repeat: a test server that puts away what came before may be long about it. */
async function patiently(work) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error.code !== 'UNAVAILABLE' || attempt === TRIES) throw error;
    }
  }
}

/** Returns what inserts records of a number into a MongoDB, past the store. */
async function mongodbInserter({ uri, database }) {
  const { sessionsOf, usersOf } = await import(dist('store/mongodb/documents.js'));
  const { toSessionDocument, toUserDocument } = await import(dist('store/mongodb/records.js'));
  const client = new MongoClient(uri);
  const insert = (collectionOf, toDocument, toRecord) => (numbers) => {
    const documents = numbers.map((number) => toDocument(NAMESPACE, toRecord(number)));
    return collectionOf(client.db(database)).insertMany(documents, { ordered: false });
  };
  return {
    users: insert(usersOf, toUserDocument, userRecord),
    sessions: insert(sessionsOf, toSessionDocument, sessionRecord),
    close: () => client.close(),
  };
}

/** The same for a file. */
async function sqliteInserter({ file }) {
  const database = await openBare(file);
  const insert = (table, keys, toRecord) => {
    const columns = ['namespace', 'uuid', 'metadata', 'created_at', 'updated_at', ...keys];
    const statement = database.prepare(
      `INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`,
    );
    return (numbers) => {
      database.exec('BEGIN IMMEDIATE');
      for (const number of numbers) {
        const record = toRecord(number);
        const times = [record.created_at, record.updated_at].map(Date.parse);
        const metadata = JSON.stringify(record.metadata);
        const named = keys.map((key) => record[key]);
        statement.run(NAMESPACE, record.uuid, metadata, ...times, ...named);
      }
      database.exec('COMMIT');
    };
  };
  return {
    users: insert('users', ['user_id'], userRecord),
    sessions: insert('sessions', ['session_id', 'user_id'], sessionRecord),
    close: () => database.close(),
  };
}

/**
 * Fills an empty store.
 *
 * @param place where it is, as `openStore` takes it
 */
export async function fill(place, store, size) {
  await store.ping();
  const inserter = await ('file' in place ? sqliteInserter : mongodbInserter)(place);
  try {
    for (const kind of ['users', 'sessions']) {
      const rest = batches(size);
      await inserter[kind](rest.next().value);
      // The messages come before the other sessions: one server that was tried needs the longer for
      // an append the more sessions there are.
      if (kind === 'sessions') await appendMessages(store, size);
      const load = async () => {
        for (const numbers of rest) await inserter[kind](numbers);
      };
      await Promise.all(Array.from({ length: LOADERS }, load));
    }
  } finally {
    await inserter.close();
  }
}
