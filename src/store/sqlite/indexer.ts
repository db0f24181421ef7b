import type { Connection, Row } from './connection.ts';
import { indexTerms } from './terms.ts';

/**
 * How long messages wait for others to be indexed with, in milliseconds: a hundred at once take a
 * third of the time that they take one by one.
 */
const PAUSE = 20;

/** What is indexed at once, in messages and in characters of terms. It holds up the server for 5 ms. */
const BATCH = { messages: 100, characters: 30_000 };

/** How many a process leaves waiting. A search goes through all of them. */
const MOST_WAITING = 1000;

const LEAVE = 'INSERT OR IGNORE INTO unindexed (id) VALUES (?)';

const FORGET = 'DELETE FROM message_terms WHERE rowid = ?';

/** Without a session, it is of a thread that was left for good, or gone: nobody looks for it. */
const OLDEST = `SELECT unindexed.id, iif(sessions.id IS NULL, '', terms), sessions.thread, namespace,
    user_id
  FROM unindexed LEFT JOIN messages ON messages.id = unindexed.id
    LEFT JOIN sessions ON sessions.thread = messages.thread
  ORDER BY unindexed.id LIMIT ?`;

const DONE = 'DELETE FROM unindexed WHERE id <= ?';

const ANY = 'SELECT 1 FROM unindexed LIMIT 1';

export type Indexer = ReturnType<typeof createIndexer>;

/**
 * Indexes messages behind the answer to the call that added them: that takes as long as to add them.
 * Until then they are listed as unindexed, in the same transaction, and a search looks there as well.
 */
export function createIndexer(connection: Connection) {
  const statement = (sql: string) => connection.statement(sql);
  let timer: NodeJS.Timeout | undefined;
  let waiting = 0;

  /** Indexes those that wait the longest, at least one, within a write. */
  function indexOldest({ messages, characters }: typeof BATCH): void {
    let done: number | undefined;
    let indexed = 0;
    for (const row of statement(OLDEST).all(messages)) {
      if (indexed > characters) break;
      const { id, terms } = index(connection, row);
      done = id;
      indexed += terms.length;
      waiting = Math.max(0, waiting - 1);
    }
    if (done === undefined) waiting = 0;
    else statement(DONE).run(done);
  }

  function work(): void {
    timer = undefined;
    try {
      if (statement(ANY).get() === undefined) return;
      connection.writeUnflushed(() => indexOldest(BATCH));
    } catch {
      // The next call that adds messages tries again, and fails if there are too many by then.
      return;
    }
    schedule();
  }

  function schedule(): void {
    timer ??= setTimeout(work, PAUSE).unref();
  }

  function leave(id: number): void {
    statement(LEAVE).run(id);
    waiting++;
  }

  return {
    /** Goes on with what is left to be indexed, if anything is. */
    schedule,

    /** Leaves a message to be indexed. Runs within a write, as do the others here. */
    leave,

    /** The same for a message that says something else now. */
    leaveAgain(id: number): void {
      statement(FORGET).run(id);
      leave(id);
    },

    /** Sees to it that what was left does not become too much. */
    settle(): void {
      const messages = waiting - MOST_WAITING;
      if (messages > 0) indexOldest({ messages, characters: Number.POSITIVE_INFINITY });
      schedule();
    },

    stop: () => clearTimeout(timer),
  };
}

function index(connection: Connection, row: Row): { id: number; terms: string } {
  const [id, terms, thread, namespace, user_id] = row as [
    ...[id: number, terms: string, thread: number, namespace: string, user_id: string | null],
  ];
  if (terms !== '') indexTerms(connection, id, { thread, namespace, user_id }, terms.split(' '));
  return { id, terms };
}
