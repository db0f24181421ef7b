import { isBusy } from '../connection/errors.ts';
import type { Connection, ConnectionOptions, Row } from '../connection/index.ts';
import { indexTerms } from './terms.ts';

/**
 * How long messages wait for others to be indexed with, in milliseconds: a hundred at once take a
 * third of the time that they take one by one.
 */
const PAUSE = 20;

/** What is indexed at once. It holds up the server for some 5 ms, and 30 where messages are long. */
const BATCH = { messages: 100, terms: 4000 };

/** How many are read at once: the terms of one may take 100 KB. */
const ROWS = 8;

/** How many messages of a file are left waiting, by all processes. A search goes through all of them. */
const MOST_WAITING = 1000;

const LEAVE = 'INSERT OR IGNORE INTO unindexed (id) VALUES (?)';

const FORGET = 'DELETE FROM message_terms WHERE rowid = ?';

/** Without a session, it is being purged, or gone: nobody looks for it. A retired one may come back. */
const OLDEST = `SELECT unindexed.id, iif(sessions.id IS NULL, '', terms), messages.session, namespace,
    user_id
  FROM unindexed LEFT JOIN messages ON messages.id = unindexed.id
    LEFT JOIN sessions ON sessions.id = messages.session
  WHERE unindexed.id > ? ORDER BY unindexed.id LIMIT ${ROWS}`;

const DONE = 'DELETE FROM unindexed WHERE id <= ?';

const COUNT = 'SELECT count(*) FROM unindexed';

export type Indexer = ReturnType<typeof createIndexer>;

/**
 * Indexes messages behind the answer to the call that added them: that takes as long as to add them.
 * Until then they are listed as unindexed, in the same transaction, and a search looks there as well.
 *
 * @param options `warn` hears of what keeps messages from being indexed, each time
 */
export function createIndexer(connection: Connection, { readOnly, warn }: ConnectionOptions) {
  const statement = (sql: string) => connection.statement(sql);
  let timer: NodeJS.Timeout | undefined;
  /** About how many wait: counted whenever some are indexed, and those that this process adds. */
  let waiting = 0;

  /** Indexes those that wait the longest, within a write. */
  function indexOldest(most = BATCH.messages): void {
    let [done, messages, terms] = [0, 0, 0];
    const isEnough = () => messages >= most || terms >= BATCH.terms;
    while (!isEnough()) {
      const rows = statement(OLDEST).all(done);
      if (rows.length === 0) break;
      for (const row of rows) {
        if (isEnough()) break;
        terms += index(connection, row);
        messages++;
        done = row[0] as number;
      }
    }
    waiting -= statement(DONE).run(done);
  }

  /** Indexes a batch of what waits; `false` if there was nothing. */
  function indexSome(): boolean {
    waiting = Number(statement(COUNT).get()?.[0]);
    if (waiting === 0) return false;
    connection.writeUnflushed(() => indexOldest());
    return true;
  }

  function work(): void {
    timer = undefined;
    try {
      if (!indexSome()) return;
    } catch (error) {
      if (!isBusy(error)) {
        // The next call that adds messages tries again, and fails like this when too many wait.
        warn?.('messages cannot be indexed', { error });
        return;
      }
    }
    schedule();
  }

  function schedule(): void {
    if (readOnly !== true) timer ??= setTimeout(work, PAUSE).unref();
  }

  function leave(id: number): void {
    statement(LEAVE).run(id);
    waiting++;
  }

  return {
    /** Goes on soon with what is left to be indexed, by whatever process. */
    schedule,

    /** Leaves a message to be indexed. Runs within a write. */
    leave,

    /** The same for a message that says something else now. */
    leaveAgain(id: number): void {
      statement(FORGET).run(id);
      leave(id);
    },

    /**
     * Sees to it that what was left does not become too much, as far as one batch goes: with what is
     * added, that takes less than by itself. Runs within a write.
     */
    settle(): void {
      const over = waiting - MOST_WAITING;
      if (over > 0) indexOldest(Math.min(over, BATCH.messages));
      schedule();
    },

    /** Whether so many messages more would leave more waiting than `settle` takes. */
    isFull: (messages: number) => waiting > 0 && waiting + messages > MOST_WAITING + BATCH.messages,

    /**
     * Indexes what waits, with other calls in between, until there is room for so many messages more.
     *
     * @throws DomainError
     */
    async makeRoom(messages: number): Promise<void> {
      while (this.isFull(messages)) {
        await connection.retry(indexSome);
        await new Promise(setImmediate);
      }
    },

    stop: () => clearTimeout(timer),
  };
}

/** @returns how many terms were indexed */
function index(connection: Connection, row: Row): number {
  const [id, listed, session, namespace, user_id] = row as [
    ...[id: number, terms: string, session: number, namespace: string, user_id: string | null],
  ];
  if (listed === '') return 0;
  const terms = listed.split(' ');
  indexTerms(connection, id, { session, namespace, user_id }, terms);
  return terms.length;
}
