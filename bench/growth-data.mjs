// What the growth section asks: namespaces that differ in nothing but their size. One of size N has N
// users, N sessions, a hundred to each user as far as they go, and a session of N messages.

import Libsql from 'libsql';
import { MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
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
const FIRST_TIME = Date.UTC(2026, 0, 1);

export const namespaceOf = (size) => `of-${size}`;
export const sessionOf = (number) => `session-${number}`;
export const userOf = (number) => `user-${number}`;

const { termsOf } = await import(dist('search/analyse.js'));
const { estimateTokens } = await import(dist('domain/records.js'));

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

/** Numbers from -1, which stands for the long one, in batches. */
function* batches(size) {
  for (let first = -1; first < size; first += BATCH) {
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
    const of = { session_uuid: newUuid(), thread: newUuid(), at: new Date().toISOString() };
    const append = { messages, mayExist: false, ...of };
    await patiently(() => store.messages.append(namespaceOf(size), LONG, append));
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

/** Fills the MongoDB that `place` names, past the store where that is quicker. */
export async function fillMongodb(place, store, size) {
  const { toSessionDocument, toUserDocument } = await import(dist('store/mongodb/documents.js'));
  const client = new MongoClient(place.uri);
  const namespace = namespaceOf(size);
  const insert = async (name, toDocument, toRecord) => {
    const rest = batches(size);
    const load = async () => {
      for (const numbers of rest) {
        const documents = numbers.map((number) => toDocument(namespace, toRecord(number)));
        await client.db('bench').collection(name).insertMany(documents, { ordered: false });
      }
    };
    await Promise.all(Array.from({ length: LOADERS }, load));
  };
  try {
    await store.ping();
    await insert('users', toUserDocument, userRecord);
    await insert('sessions', toSessionDocument, sessionRecord);
  } finally {
    await client.close();
  }
  await appendMessages(store, size);
}

/** The same for a file. */
export async function fillSqlite(place, store, size) {
  const database = new Libsql(place.file);
  const namespace = namespaceOf(size);
  const insert = (table, key, toRecord) => {
    const owner = key === 'session_id' ? ['user_id'] : [];
    const columns = ['namespace', key, 'uuid', 'metadata', 'created_at', 'updated_at', ...owner];
    const statement = database.prepare(
      `INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`,
    );
    for (const numbers of batches(size)) {
      database.exec('BEGIN IMMEDIATE');
      for (const number of numbers) {
        const { metadata, created_at, updated_at, ...record } = toRecord(number);
        statement.run([
          ...[namespace, record[key], record.uuid, JSON.stringify(metadata)],
          ...[Date.parse(created_at), Date.parse(updated_at), ...owner.map((one) => record[one])],
        ]);
      }
      database.exec('COMMIT');
    }
  };
  try {
    insert('users', 'user_id', userRecord);
    insert('sessions', 'session_id', sessionRecord);
  } finally {
    database.close();
  }
  await appendMessages(store, size);
}
