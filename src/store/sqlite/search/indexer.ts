import { createHash } from 'node:crypto';
import { isBusy } from '../connection/errors.ts';
import type { Connection, ConnectionOptions, Row } from '../connection/index.ts';
import type { StatementSource } from '../connection/migrate.ts';

/**
 * How long a message waits for others to be indexed with it, in milliseconds. A hundred at once take a
 * third of the time that they take one by one.
 */
const BATCH_DELAY_MS = 20;

/** The limits of a batch. It blocks the server for about 5 ms, or 30 ms if messages are long. */
const MAX_BATCH = { messages: 100, terms: 4000 };

/** How many messages one statement reads. The terms of one message may take 100 KB. */
const ROWS_PER_READ = 8;

/** How many messages of a file may be unindexed, over all processes. A search reads all of them. */
const BACKLOG_LIMIT = 1000;

const ENQUEUE = 'INSERT OR IGNORE INTO unindexed (id) VALUES (?)';

const INSERT_TERMS = 'INSERT INTO message_terms (rowid, scoped) VALUES (?, ?)';

const DELETE_TERMS = 'DELETE FROM message_terms WHERE rowid = ?';

/**
 * A message without a session is being purged, or gone. Its terms are not indexed, since no search looks
 * for it. Retired messages are indexed, since they may be restored.
 */
const OLDEST = `SELECT unindexed.id, iif(sessions.id IS NULL OR messages.deleted_at IS NOT NULL, '', terms), messages.session, namespace,
    coalesce(user_id, assigning_user)
  FROM unindexed LEFT JOIN messages ON messages.id = unindexed.id
    LEFT JOIN sessions ON sessions.id = messages.session
  WHERE unindexed.id > ? ORDER BY unindexed.id LIMIT ${ROWS_PER_READ}`;

const DEQUEUE = 'DELETE FROM unindexed WHERE id <= ?';

const DEQUEUE_ONE = 'DELETE FROM unindexed WHERE id = ?';

const COUNT = 'SELECT count(*) FROM unindexed';

export type Indexer = ReturnType<typeof createIndexer>;

/**
 * Indexes messages after the call that added them was answered, because indexing takes as long as adding.
 * Until then they are listed in `unindexed`, in the same transaction, and a search reads that list too.
 *
 * @param options `warn` receives each error that keeps messages from being indexed
 */
export function createIndexer(connection: Connection, { readOnly, warn }: ConnectionOptions) {
  const statement = (sql: string) => connection.statement(sql);
  let timer: NodeJS.Timeout | undefined;
  /**
   * Roughly how many messages are unindexed: counted before each batch in the background, plus what this
   * process has added since.
   */
  let backlog = 0;

  /** Indexes the oldest messages of the backlog. Runs within a write. */
  function indexOldest(maxMessages = MAX_BATCH.messages): void {
    let [lastId, messages, terms] = [0, 0, 0];
    const isFull = () => messages >= maxMessages || terms >= MAX_BATCH.terms;
    while (!isFull()) {
      const rows = statement(OLDEST).all(lastId);
      if (rows.length === 0) break;
      for (const row of rows) {
        if (isFull()) break;
        terms += indexRow(connection, row);
        messages++;
        lastId = row[0] as number;
      }
    }
    backlog -= statement(DEQUEUE).run(lastId);
  }

  /** Indexes one batch. Returns `false` if there was nothing to index. */
  function indexBatch(): boolean {
    backlog = Number(statement(COUNT).get()?.[0]);
    if (backlog === 0) return false;
    connection.writeUnflushed(() => indexOldest());
    return true;
  }

  function onTimer(): void {
    timer = undefined;
    try {
      if (!indexBatch()) return;
    } catch (error) {
      if (!isBusy(error)) {
        // The next append schedules another attempt. Once the backlog is full, appends fail too.
        warn?.('messages cannot be indexed', { error });
        return;
      }
    }
    schedule();
  }

  function schedule(): void {
    if (readOnly !== true) timer ??= setTimeout(onTimer, BATCH_DELAY_MS).unref();
  }

  function enqueue(id: number): void {
    statement(ENQUEUE).run(id);
    backlog++;
  }

  return {
    /** Indexes the backlog soon, including messages that other processes left. */
    schedule,

    /** Adds a new message to the backlog. Runs within a write. */
    enqueue,

    /** Removes a message from the index and from the backlog. Runs within a write. */
    remove: (id: number): void => removeTerms(connection, id),

    /** Adds a message that has changed, and its number perhaps with it. Runs within a write. */
    reenqueue(oldId: number, id: number): void {
      statement(DELETE_TERMS).run(oldId);
      enqueue(id);
    },

    /**
     * Indexes what is over the limit, up to one batch, and schedules the rest. Within the transaction of
     * an append this takes less time than in one of its own. Runs within a write.
     */
    enforceBacklogLimit(): void {
      const excess = backlog - BACKLOG_LIMIT;
      if (excess > 0) indexOldest(Math.min(excess, MAX_BATCH.messages));
      schedule();
    },

    /** Whether so many more messages would exceed the limit by more than `enforceBacklogLimit` indexes. */
    isFull: (messages: number) =>
      backlog > 0 && backlog + messages > BACKLOG_LIMIT + MAX_BATCH.messages,

    /**
     * Indexes batches, with other calls in between, until there is room for so many more messages.
     *
     * @throws DomainError
     */
    async makeRoom(messages: number): Promise<void> {
      while (this.isFull(messages)) {
        await connection.retry(indexBatch);
        await new Promise(setImmediate);
      }
    },

    stop: () => clearTimeout(timer),
  };
}

/** @returns how many terms were indexed */
function indexRow(connection: Connection, row: Row): number {
  const [id, joined, session, namespace, user_id] = row as [
    ...[id: number, terms: string, session: number, namespace: string, user_id: string | null],
  ];
  if (joined === '') return 0;
  const terms = joined.split(' ');
  indexTerms(connection, id, { session, namespace, user_id }, terms);
  return terms.length;
}

/** The owners of a message. Each of them is a scope in which it can be searched. */
interface Owners {
  /** The number of its session. */
  session: number;
  namespace: string;
  user_id: string | null;
}

/** The prefixes that limit terms to a scope. Identifiers are arbitrary text, so they are hashed. */
export const scopePrefix = {
  session: (number: number) => `t${number.toString(36)}:`,
  user: (namespace: string, userId: string) => `u${hash(JSON.stringify([namespace, userId]))}:`,
  namespace: (namespace: string) => `n${hash(namespace)}:`,
};

/** Removes a message from the index and from the backlog. Runs within a write. */
export function removeTerms(connection: Connection, id: number): void {
  connection.statement(DELETE_TERMS).run(id);
  connection.statement(DEQUEUE_ONE).run(id);
}

/** Writes a message's terms into the index, once per scope. Runs within a write. */
export function indexTerms(
  source: StatementSource,
  id: number,
  { session, namespace, user_id }: Owners,
  terms: readonly string[],
): void {
  if (terms.length === 0) return;
  const prefixes = [
    scopePrefix.session(session),
    scopePrefix.namespace(namespace),
    ...(user_id === null ? [] : [scopePrefix.user(namespace, user_id)]),
  ];
  const scoped = prefixes.flatMap((prefix) => [...new Set(terms)].map((term) => prefix + term));
  source.statement(INSERT_TERMS).run(id, scoped.join(' '));
}

/** Short, because every term has it. A collision only yields a candidate that the search drops. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
