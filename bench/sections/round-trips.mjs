// How often a call of a tool goes to MongoDB and back, and what the server goes through for it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PINNED_TO, prepareCalls } from '../catalogue-calls.mjs';
import { commandRecorder, scanCounts } from '../commands.mjs';
import { dist, serverUse, startMongodb } from '../support.mjs';
import { toolCaller } from '../tools.mjs';

export const title = 'Round trips to MongoDB';

const DATABASE = 'bench';
const KEYS_TARGET = 1.1;

/** The most commands that a call of a kind may send. */
const COMMANDS = {
  read: 1,
  count: 1,
  search: 1,
  'session write': 1,
  append: 3,
  given: 4,
  revived: 4,
  'revived given': 5,
};

const WHAT = {
  'a read': ['read', 'count'],
  search_memory: ['search'],
  'a session write': ['session write'],
  add_memory: ['append', 'given', 'revived', 'revived given'],
};

const NOTE = `Commands as the driver's command monitoring tells of them, getMore and the commit included.

- add_session with user_id is a transaction: it writes to the user (update), so that no deletion of the user can pass between looking and adding, adds the session (insert), and commits.
- set_summary is one as well: the session (findAndModify), the history (update), the commit. update_message_metadata has to find the message with its session (aggregate) before it changes it (findAndModify).
- search_memory asks for each word, then which of the found are live, then for the hits, of which it looks at some again with their neighbours: how often depends on the words, never on how many messages there are.
- add_memory of messages that are there already gives back the places that it took (findAndModify), changes them (update) and forgets their vectors (delete).
- delete_user and restore_user read the user's sessions for those who watch them, ask for a sign of life (not counted), and see how many sessions there are, to choose between one transaction and steps.`;

const PINNED_NOTE =
  'Whatever a caller reads or changes who is pinned to one user, the server looks for among that user’s sessions. add_memory finds out that way that the session is not there yet, and adds it for the user (update, insert, commitTransaction) before the messages.';

const EXAMINED_NOTE =
  'Each find and aggregate of the reads above, explained with executionStats. Records are what the command returned, those within records included. Where the server does not say what a $lookup goes through (SecantusDB does not), it is explained as the finds that it is made of. A list asks for one more than it shows, to know whether there are more. page_number skips over the keys of the pages before; a cursor does not.';

/** How many records a reply has: what has an identifier, or a row of its own where that was left out. */
function recordsIn(reply) {
  const records = (value) => {
    if (typeof value !== 'object' || value === null) return 0;
    const within = Object.values(value).reduce((sum, child) => sum + records(child), 0);
    return within + ('_id' in value || 'uuid' in value ? 1 : 0);
  };
  const rows = reply?.cursor?.firstBatch ?? [];
  return rows.reduce((sum, row) => sum + Math.max(1, records(row)), 0);
}

const nameOf = ({ name, command }) =>
  typeof command[name] === 'string' ? `${name} ${command[name]}` : name;

/** The names of commands in their order, each with how often it comes in a row. */
function listed(commands) {
  const runs = [];
  for (const command of commands) {
    const name = nameOf(command);
    if (runs.at(-1)?.name === name) runs.at(-1).count++;
    else runs.push({ name, count: 1 });
  }
  return runs.map(({ name, count }) => (count > 1 ? `${count} × ${name}` : name)).join(', ');
}

async function callAll(record, caller, call, calls) {
  const done = [];
  for (const one of calls) {
    const { commands } = await record(() => call(caller, one.name, one.args));
    done.push({ ...one, commands });
  }
  return done;
}

function roundTripTable(done) {
  return {
    id: 'round-trips',
    title: 'Commands per call',
    note: NOTE,
    columns: ['call', 'commands', 'target', 'which'],
    rows: done.map(({ label, kind, commands }) => [
      ...[label, commands.length, COMMANDS[kind] ?? '', listed(commands)],
    ]),
    plot: { label: [0], value: 1, unit: 'commands', kind: 'bars' },
  };
}

function pinnedTable(pinned, open) {
  const unpinned = new Map(open.map(({ label, commands }) => [label, commands.length]));
  return {
    id: 'round-trips-pinned',
    title: 'Commands per call of a pinned caller',
    note: PINNED_NOTE,
    columns: ['call', 'commands', 'not pinned', 'which'],
    rows: pinned.map(({ label, commands }) => [
      ...[label, commands.length, unpinned.get(label), listed(commands)],
    ]),
    plot: { label: [0], value: 1, unit: 'commands', kind: 'bars' },
  };
}

/** One row for each find or aggregate of the reads: while the records are as the read found them. */
async function explained(db, done) {
  const rows = [];
  for (const { label, kind, commands } of done) {
    for (const command of commands) {
      if (command.name !== 'find' && command.name !== 'aggregate') continue;
      const found = await scanCounts(db, command);
      const records = recordsIn(command.reply);
      rows.push({ label, kind, which: nameOf(command), records, ...found });
    }
  }
  return rows;
}

const perRecord = ({ keys, records }) =>
  keys === undefined || records === 0 ? '' : Number((keys / records).toFixed(2));

function examinedTable(rows) {
  const isKnown = rows.some(({ keys }) => keys !== undefined);
  return {
    id: 'examined',
    title: 'Keys and documents examined',
    note: isKnown ? EXAMINED_NOTE : `${EXAMINED_NOTE} This server's explain does not say.`,
    columns: ['call', 'command', 'records', 'keys', 'documents', 'keys per record'],
    rows: rows.map((row) => [
      ...[row.label, row.which, row.records, row.keys ?? '', row.documents ?? ''],
      perRecord(row),
    ]),
    plot: {
      ...{ label: [0, 1], value: 5, unit: 'keys per record', target: KEYS_TARGET, kind: 'bars' },
    },
  };
}

function targetsOf(done, explainedRows) {
  const targets = Object.entries(WHAT).map(([what, kinds]) => {
    const judged = done.filter(({ kind }) => kinds.includes(kind));
    const over = judged.filter(({ kind, commands }) => commands.length > COMMANDS[kind]);
    const most = [...new Set(kinds.map((kind) => COMMANDS[kind]))].join(' to ');
    return {
      what: `commands of ${what}: ${most}`,
      figure:
        over.length === 0
          ? `all ${judged.length} kinds of call`
          : `more for ${over.map(({ label, commands }) => `${label} (${commands.length})`).join(', ')}`,
      met: over.length === 0,
    };
  });
  const judged = explainedRows.filter(({ kind, keys }) => kind === 'read' && keys !== undefined);
  const most = judged.reduce((max, row) => Math.max(max, perRecord(row) || 0), 0);
  const figure = judged.length === 0 ? "the server's explain does not say" : `${most} at the most`;
  const met = judged.length > 0 && most <= KEYS_TARGET;
  return [
    ...targets,
    { what: `keys per record returned, search and counting aside: ${KEYS_TARGET}`, figure, met },
  ];
}

export async function measure({ log }) {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
  let server;
  let store;
  try {
    server = await startMongodb(folder, false);
    if (server === undefined) {
      log('left out: there is neither mongod nor secantusd-rs on the PATH');
      return { tables: [], targets: [] };
    }
    const { createMongoClient, openMongoStore } = await import(dist('store/mongodb/index.js'));
    const client = createMongoClient(server.place.uri, { monitorCommands: true });
    const record = commandRecorder(client);
    store = openMongoStore({ client, database: DATABASE, ...(await serverUse()) });
    const { call, tools } = await toolCaller(store);
    const isForPinned = (name) => tools.get(name)?.needs === undefined;

    const calls = await prepareCalls(call, 'open');
    const left = [...tools.keys()].filter((name) => !calls.some((one) => one.name === name));
    if (left.length > 0) throw new Error(`No call was made of ${left.join(', ')}.`);
    const isRead = ({ kind }) => ['read', 'count', 'search'].includes(kind);
    const read = await callAll(record, { namespace: 'open' }, call, calls.filter(isRead));
    const rows = await explained(client.db(DATABASE), read);
    const rest = calls.filter((one) => !isRead(one));
    const done = [...read, ...(await callAll(record, { namespace: 'open' }, call, rest))];

    const caller = { namespace: 'pinned', user_id: PINNED_TO };
    const forPinned = (await prepareCalls(call, 'pinned')).filter(
      // Cursors are of the caller whom they were given to.
      ({ name, args }) => isForPinned(name) && args.cursor === undefined,
    );
    const pinned = await callAll(record, caller, call, forPinned);
    return {
      tables: [roundTripTable(done), pinnedTable(pinned, done), examinedTable(rows)],
      targets: targetsOf(done, rows),
    };
  } finally {
    await store?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
