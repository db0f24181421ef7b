// The baseline under the store in MongoDB: the driver alone, which sends the commands that the store has sent.

import { MongoClient, ObjectId } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import { APPENDS, CALLERS, fill, reads, writes } from './baseline-records.mjs';
import { commandRecorder } from './commands.mjs';
import { dist, serverUse } from './support.mjs';

const DATABASE = 'bench';

/** The same durability as the store asks for. */
const GUARANTEES = {
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
};

/** The dates in a command, which are made new for each call, as the store does. */
function datesIn(value, found = []) {
  if (value instanceof Date) found.push(value);
  else if (Array.isArray(value) || value?.constructor === Object) {
    for (const child of Object.values(value)) datesIn(child, found);
  }
  return found;
}

function present(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** The call of the driver that sends what was recorded once more. */
function repeat(db, { name, command }) {
  const collection = db.collection(command[name]);
  const { projection, sort, hint, limit, singleBatch, filter } = command;
  const dates = name === 'findAndModify' ? datesIn(command.update) : [];
  const options = present({ projection, sort, hint });
  switch (name) {
    case 'find':
      return singleBatch && limit === 1
        ? () => collection.findOne(filter, options)
        : () => collection.find(filter, present({ ...options, limit })).toArray();
    case 'aggregate':
      return () => collection.aggregate(command.pipeline, present({ hint })).toArray();
    case 'findAndModify':
      return (inSession = {}) => {
        for (const date of dates) date.setTime(Date.now());
        const { query, update, upsert = false } = command;
        return collection.findOneAndUpdate(query, update, {
          ...{ upsert, returnDocument: 'after' },
          ...inSession,
        });
      };
    default:
      throw new Error(`The store sends ${name}, which the baseline does not know to send.`);
  }
}

/** The parts of a recorded append: it is written so that another sequence is noticed. */
function appendIn(commands) {
  const names = commands.map(({ name }) => name).join(' ');
  if (names !== 'bulkWrite') {
    throw new Error(`An append sends ${names}, which the baseline does not know to send.`);
  }
  const [{ command }] = commands;
  const { filter } = command.ops.find(({ update }) => update !== undefined);
  return { filter, documents: command.ops.flatMap(({ document }) => document ?? []) };
}

const MESSAGES = `${DATABASE}.mcp_sessions_messages`;
const SESSIONS = `${DATABASE}.mcp_sessions_sessions`;

/** An append like the store's, to a copy of the session: the messages, and the session's end. */
async function bareAppend(client, db, commands) {
  const { filter, documents } = appendIn(commands);
  const sessions = db.collection('mcp_sessions_sessions');
  const original = await sessions.findOne({ _id: filter._id });
  const [_id, session_id] = [newUuid(), newUuid()];
  await sessions.insertOne({ ...original, _id, session_id });
  let { last_seq } = original;
  return async () => {
    const at = new Date();
    const added = documents.map((document, index) => {
      const seq = last_seq + 1 + index;
      return {
        ...{
          ...document,
          _id: `${_id}@${seq}`,
          session_id,
          session_uuid: _id,
          uuid: newUuid(),
          seq,
        },
        ...{ created_at: at, updated_at: at },
      };
    });
    const end = last_seq + documents.length;
    await client.bulkWrite([
      ...added.map((document) => ({ name: 'insertOne', namespace: MESSAGES, document })),
      {
        ...{ name: 'updateOne', namespace: SESSIONS },
        filter: { ...filter, _id, session_id, last_seq },
        update: { $set: { last_seq: end }, $max: { updated_at: at, last_message_at: at } },
      },
    ]);
    last_seq = end;
  };
}

/** An append to a collection that cannot be searched: one index, on the order. */
async function plainAppend(client, db, commands, caller) {
  const { documents } = appendIn(commands);
  const order = { namespace: 1, session_id: 1, seq: 1 };
  await db.collection('plain_messages').createIndex(order, { unique: true });
  const session_id = `${documents.length}-${caller}`;
  await db.collection('plain_sessions').insertOne({ _id: session_id, last_seq: 0 });
  let last_seq = 0;
  return async () => {
    const at = new Date();
    const added = documents.map(
      ({ terms: _, session_uuid: __, revision: ___, ...document }, index) => ({
        ...document,
        ...{ _id: new ObjectId(), session_id, uuid: newUuid(), seq: last_seq + 1 + index },
        ...{ created_at: at, updated_at: at },
      }),
    );
    const end = last_seq + documents.length;
    await client.bulkWrite([
      ...added.map((document) => ({
        ...{ name: 'insertOne', namespace: `${DATABASE}.plain_messages`, document },
      })),
      {
        ...{ name: 'updateOne', namespace: `${DATABASE}.plain_sessions` },
        filter: { _id: session_id, last_seq },
        update: { $set: { last_seq: end, updated_at: at } },
      },
    ]);
    last_seq = end;
  };
}

function bareInsert(db, [{ name, command }], key) {
  const collection = db.collection(command[name]);
  const [template] = command.documents;
  return () => {
    const at = new Date();
    const record = {
      ...template,
      _id: newUuid(),
      [key]: newUuid(),
      created_at: at,
      updated_at: at,
    };
    return collection.insertOne(record);
  };
}

/**
 * The store's operations in pairs with what the driver does for the same, in one database.
 *
 * @returns `pairs` and `plain`, each `{ name, ours, bare }`, and what closes both
 */
export async function mongodbFloor({ uri }) {
  const { createMongoClient, openMongoStore } = await import(dist('store/mongodb/index.js'));
  const use = await serverUse();
  const open = (client) => openMongoStore({ client, database: DATABASE, ...use });
  const store = open(createMongoClient(uri));
  const uuids = await fill(store);

  const watched = createMongoClient(uri, { monitorCommands: true });
  const recordingStore = open(watched);
  await recordingStore.ping();
  const record = commandRecorder(watched);
  const recorded = {};
  const calls = { ...reads(recordingStore, uuids), ...writes(recordingStore) };
  for (const [name, call] of Object.entries(calls)) {
    recorded[name] = [];
    for (let caller = 0; caller < CALLERS; caller++) {
      // Once before: the first append to a session is another than those that follow.
      await call(caller);
      recorded[name].push((await record(() => call(caller))).commands);
    }
  }
  await recordingStore.close();

  const client = new MongoClient(uri, GUARANTEES);
  const db = client.db(DATABASE);
  const inTurn = (name) => {
    const byCaller = recorded[name].map((commands) => commands.map((one) => repeat(db, one)));
    return async (caller) => {
      for (const send of byCaller[caller]) await send();
    };
  };
  const perCaller = (calls) => (caller) => calls[caller]();
  const bare = {
    'sessions.insert': bareInsert(db, recorded['sessions.insert'][0], 'session_id'),
    'users.insert': bareInsert(db, recorded['users.insert'][0], 'user_id'),
  };
  const plain = {};
  for (const count of APPENDS) {
    const name = `messages.append of ${count}`;
    const copies = recorded[name].map((commands) => bareAppend(client, db, commands));
    bare[name] = perCaller(await Promise.all(copies));
    const made = recorded[name].map((commands, caller) =>
      plainAppend(client, db, commands, caller),
    );
    plain[name] = perCaller(await Promise.all(made));
  }
  const all = { ...reads(store, uuids), ...writes(store) };
  const pairs = Object.entries(all).map(([name, ours]) => ({
    ...{ name, ours, bare: bare[name] ?? inTurn(name) },
  }));
  return {
    pairs,
    plain: Object.entries(plain).map(([name, call]) => ({ name, ours: all[name], bare: call })),
    async close() {
      await client.close();
      await store.close();
    },
  };
}
