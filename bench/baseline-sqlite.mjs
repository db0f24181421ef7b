// The baseline under the embedded store: bare SQLite, which is given the statements that the store has run.

import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as newUuid } from 'uuid';
import { APPENDS, CALLERS, fill, reads, writes } from './baseline-records.mjs';
import { openBare, recordStatements } from './statements.mjs';
import { openStore } from './support.mjs';

/** How long the recording may have taken: numbers this near to the present are times. */
const RECORDED_WITHIN_MS = 600_000;

/** How many messages are indexed at once; the store waits for as many as come in 20 ms. */
const INDEXED_AT_ONCE = 100;

/** After which time a message is indexed, in milliseconds. */
const INDEXED_WITHIN_MS = 60;

const isTime = (value) =>
  typeof value === 'number' && Math.abs(Date.now() - value) < RECORDED_WITHIN_MS;

/** Values like those that were recorded, with the present for the time. */
function renewed(values) {
  const now = Date.now();
  return values.map((value) => (isTime(value) ? now : value));
}

/** Metadata is JSON in the file, and no use to anybody until it is parsed. */
function parsed(row) {
  if (row === undefined) return row;
  for (const name in row) {
    if (name.includes('metadata')) row[name] = JSON.parse(row[name]);
  }
  return row;
}

function bareRead(database, statements) {
  const runs = statements.map(({ sql, method, values }) => {
    const statement = database.prepare(sql);
    return method === 'all'
      ? () => statement.all(...values).forEach(parsed)
      : () => parsed(statement.get(...values));
  });
  return () => {
    for (const run of runs) run();
  };
}

/** Runs `work` as one transaction. */
function committed(database, work) {
  return () => {
    database.exec('BEGIN IMMEDIATE');
    work();
    database.exec('COMMIT');
  };
}

/** An INSERT with the identifiers, which are its second and third value, made new. */
function bareInsert(database, [{ sql, values }]) {
  const statement = database.prepare(sql);
  return committed(database, () => {
    const record = renewed(values);
    record[1] = newUuid();
    record[2] = newUuid();
    parsed(statement.get(...record));
  });
}

/** A merge: reads the metadata, changes it here, writes it. */
function bareMerge(database, [read, write]) {
  const reading = database.prepare(read.sql);
  const writing = database.prepare(write.sql);
  let turn = 0;
  return committed(database, () => {
    const { metadata } = parsed(reading.get(...read.values));
    const values = renewed(write.values);
    values[0] = JSON.stringify({ ...metadata, turn: --turn });
    parsed(writing.get(...values));
  });
}

/** Whether a statement belongs to the indexing behind an append: see `bareIndexing`. */
const INDEXING =
  /^SELECT (count\(\*\) FROM unindexed|unindexed\.id)\b|^INSERT INTO message_terms\b|^DELETE FROM unindexed\b/;

/** Puts what `bareAppend` has left into the index, as the store does, in one transaction. */
function bareIndexing(database, statements) {
  const used = (pattern) => statements.filter(({ sql }) => pattern.test(sql));
  const oldest = database.prepare(used(/^SELECT unindexed/)[0].sql);
  const inserts = used(/^INSERT INTO message_terms/);
  const insert = database.prepare(inserts[0].sql);
  const done = database.prepare(used(/^DELETE FROM unindexed/)[0].sql);
  const index = committed(database, () => {
    let [last, count] = [0, 0];
    while (count < INDEXED_AT_ONCE) {
      const rows = oldest.all(last);
      if (rows.length === 0) break;
      for (const { id } of rows) {
        insert.run(id, inserts[count++ % inserts.length].values[1]);
        last = id;
      }
    }
    done.run(last);
  });
  return () => {
    database.exec('PRAGMA synchronous = NORMAL');
    index();
    database.exec('PRAGMA synchronous = FULL');
  };
}

/** An append: reads where the session ends, inserts messages, moves the end; and the indexing. */
function bareAppend(database, recorded) {
  const place = { last: 0, id: 0 };
  const statements = recorded.filter(({ sql }) => !INDEXING.test(sql));
  const index = bareIndexing(database, recorded);
  let unindexed = 0;
  const steps = statements.map(({ sql, method, values }) => {
    const statement = database.prepare(sql);
    if (/^INSERT INTO messages\b/.test(sql)) {
      return () => {
        const message = renewed(values);
        message[1] = ++place.last;
        message[2] = newUuid();
        place.id = statement.get(...message).id;
      };
    }
    if (/^INSERT OR IGNORE INTO unindexed\b/.test(sql)) {
      return () => {
        statement.run(place.id);
        unindexed++;
      };
    }
    if (/^UPDATE sessions SET last_seq\b/.test(sql)) {
      return () => statement.get(place.last, ...renewed(values).slice(1));
    }
    if (method === 'run') throw new Error(`An append runs what the baseline does not know: ${sql}`);
    return () => {
      const row = parsed(statement.get(...values));
      if (row?.last_seq !== undefined) place.last = row.last_seq;
    };
  });
  const append = committed(database, () => {
    for (const step of steps) step();
  });
  return () => {
    append();
    if (unindexed < INDEXED_AT_ONCE) return;
    index();
    unindexed = 0;
  };
}

/** An append to a table that cannot be searched: one index, on the order. */
function plainAppend(database, statements) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS plain_sessions (id INTEGER PRIMARY KEY, last_seq INTEGER, at INTEGER);
    CREATE TABLE IF NOT EXISTS plain_messages (
      id INTEGER PRIMARY KEY, session INTEGER, seq INTEGER, uuid TEXT, role TEXT, content TEXT,
      metadata TEXT, token_count INTEGER, created_at INTEGER, updated_at INTEGER,
      UNIQUE (session, seq)
    )`);
  const messages = statements.filter(({ sql }) => /^INSERT INTO messages\b/.test(sql));
  const begin = database.prepare('INSERT INTO plain_sessions (last_seq) VALUES (0) RETURNING id');
  const { id } = begin.get();
  const move = database.prepare(
    'UPDATE plain_sessions SET last_seq = last_seq + ?, at = ? WHERE id = ? RETURNING last_seq',
  );
  const insert = database.prepare(`INSERT INTO plain_messages
    (session, seq, uuid, role, content, metadata, token_count, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  return committed(database, () => {
    const now = Date.now();
    let seq = move.get(messages.length, now, id).last_seq - messages.length;
    for (const { values } of messages) {
      const [, , , role, content, metadata, tokens] = values;
      insert.run(id, ++seq, newUuid(), role, content, metadata, tokens, now, now);
    }
  });
}

/** As `mongodbFloor`, in a file. */
export async function sqliteFloor(file) {
  const recording = await recordStatements(() => openStore({ file }));
  const uuids = await fill(recording.store);
  await sleep(INDEXED_WITHIN_MS * CALLERS);
  const recorded = {};
  const calls = { ...reads(recording.store, uuids), ...writes(recording.store) };
  const appends = APPENDS.map((count) => `messages.append of ${count}`);
  for (const [name, call] of Object.entries(calls)) {
    recorded[name] = [];
    for (let caller = 0; caller < CALLERS; caller++) {
      const ran = await recording.record(async () => {
        await call(caller);
        if (appends.includes(name)) await sleep(INDEXED_WITHIN_MS);
      });
      recorded[name].push(ran);
    }
  }
  await recording.store.close();

  const store = await openStore({ file });
  const database = await openBare(file);
  database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
  const makerOf = (name) => {
    if (appends.includes(name)) return bareAppend;
    if (name === 'sessions.merge') return bareMerge;
    return name.endsWith('.insert') ? bareInsert : bareRead;
  };
  const made = (name, make) => {
    const byCaller = recorded[name].map((statements) => make(database, statements));
    return (caller) => byCaller[caller]();
  };
  const all = { ...reads(store, uuids), ...writes(store) };
  return {
    pairs: Object.entries(all).map(([name, ours]) => ({
      ...{ name, ours, bare: made(name, makerOf(name)) },
    })),
    plain: appends.map((name) => ({ name, ours: all[name], bare: made(name, plainAppend) })),
    async close() {
      database.close();
      await store.close();
    },
  };
}
