import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../domain/errors.ts';
import { Database, type Statement } from './engine.ts';
import { isBusy, toDomainError } from './errors.ts';
import { assertOurs, placeKeeper } from './file.ts';
import { SCHEMA_STEPS } from './schema.ts';

/** How long a call waits for other processes that write the same file, in milliseconds. */
const PATIENCE = 4500;

/** Writes that would have to give up within this time give up together, in milliseconds. */
const GRACE = 250;

/**
 * What is acknowledged is on the disk. macOS tells a disk to write its cache only when it is asked for a
 * full fsync (https://sqlite.org/pragma.html#pragma_fullfsync); elsewhere these two do nothing.
 */
const DURABLE = `PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON`;

/** How many queued writes share one transaction, and so one flush to disk. */
const BATCH = 64;

export type { Row, Statement } from './engine.ts';

interface QueuedWrite {
  /** When its caller stops waiting, by `performance.now()`: a clock that is set must not matter. */
  deadline: number;
  work(): unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * One connection to the file. Reads run at once. Writes are queued, and those that have come
 * together by the next turn of the event loop commit as one transaction: with a flush to disk per
 * commit, that is what writing costs.
 *
 * Waiting for another process happens on a timer of ours, never inside SQLite: its busy handler
 * would block the whole server, and polls too seldom to get a turn between busy writers.
 */
export class Connection {
  readonly #database: Database;
  /** See `placeKeeper`. */
  readonly assertInPlace: () => void;
  readonly #statements = new Map<string, Statement>();
  #queue: QueuedWrite[] = [];
  #flushing: Promise<void> | undefined;

  private constructor(database: Database, path: string) {
    this.#database = database;
    this.assertInPlace = placeKeeper(path);
  }

  /**
   * Opens the file, which is created with its folder if it is not there, and brings its schema up
   * to date.
   *
   * @throws DomainError UNAVAILABLE or INTERNAL when it cannot be used
   */
  static async open(path: string): Promise<Connection> {
    let database: Database | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      // Conversations are nobody else's to read; SQLite itself would go by the umask.
      if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600));
      database = await Database.open(path);
      const connection = new Connection(database, path);
      await connection.#patiently(() => assertOurs(connection.#database));
      await connection.#patiently(() => connection.#database.exec('PRAGMA journal_mode = WAL'));
      database.exec(DURABLE);
      // What is purged, or replaced by another text, is not to be read in the free space of the file.
      database.exec('PRAGMA secure_delete = ON');
      await connection.#migrate();
      return connection;
    } catch (error) {
      database?.close();
      throw toDomainError(error);
    }
  }

  /** The statement for `sql`, prepared once. */
  statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Runs `work`, which only reads. */
  async read<T>(work: () => T): Promise<T> {
    try {
      return await this.#patiently(work);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Runs several statements on one view of the file, within a `read` or a `write`. */
  atOnce<T>(work: () => T): T {
    this.#database.exec('SAVEPOINT view');
    try {
      return work();
    } finally {
      if (this.#database.inTransaction) this.#database.exec('RELEASE view');
    }
  }

  /**
   * Runs `work` in a transaction and resolves with its result once that is on disk. If it throws,
   * what it wrote is undone, and the promise rejects with a `DomainError`.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + PATIENCE;
      this.#queue.push({ work, deadline, resolve: resolve as (value: unknown) => void, reject });
      this.#flushing ??= this.#flush();
    });
  }

  /**
   * Runs `work` at once, in a transaction that is not flushed to disk: it may be lost, as a whole,
   * with the power, but never what was written before or after it. For what can be made again.
   *
   * @throws what the engine throws, for which `isBusy` holds while another process is writing;
   *   DomainError UNAVAILABLE if the file is lost
   */
  writeUnflushed(work: () => void): void {
    this.assertInPlace();
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#database.exec('PRAGMA synchronous = FULL');
    }
  }

  /** Writes what is in the log into the file and empties the log, unless another process is at it. */
  emptyLog(): void {
    try {
      // The log of a file that took the place of this one has the same name, and is not ours to empty.
      this.assertInPlace();
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // The next one who closes the file, or purges, will do.
    }
  }

  async close(): Promise<void> {
    await this.#flushing;
    this.#statements.clear();
    // Leaves one file that holds everything, for whoever copies it.
    this.emptyLog();
    this.#database.close();
  }

  /** That the file is lost comes before whatever SQLite makes of it, which finds another's log. */
  #explain(error: unknown): DomainError {
    try {
      this.assertInPlace();
    } catch (lost) {
      return toDomainError(lost);
    }
    return toDomainError(error);
  }

  async #flush(): Promise<void> {
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, BATCH);
      // Those that come later wait no longer because others waited before them.
      const deadline = batch[0]?.deadline ?? 0;
      try {
        await this.#patiently(() => this.#database.exec('BEGIN IMMEDIATE'), deadline);
        this.#commit(batch);
      } catch (error) {
        const late = this.#queue.filter(
          (write) => isBusy(error) && write.deadline < performance.now() + GRACE,
        );
        this.#queue = this.#queue.filter((write) => !late.includes(write));
        for (const write of [...batch, ...late]) write.reject(this.#explain(error));
      }
      await new Promise(setImmediate);
    }
    this.#flushing = undefined;
  }

  #commit(batch: QueuedWrite[]): void {
    const settle: (() => void)[] = [];
    try {
      // Only now: to begin may have taken seconds.
      this.assertInPlace();
      for (const write of batch) settle.push(this.#perform(write));
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    for (const answer of settle) answer();
  }

  /** Runs one write of a batch so that its failure leaves the others alone. */
  #perform(write: QueuedWrite): () => void {
    this.#database.exec('SAVEPOINT one');
    try {
      const result = write.work();
      this.#database.exec('RELEASE one');
      return () => write.resolve(result);
    } catch (error) {
      // A full disk or an I/O error has ended the whole transaction, not just this write.
      if (!this.#database.inTransaction) throw error;
      this.#database.exec('ROLLBACK TO one');
      this.#database.exec('RELEASE one');
      return () => write.reject(toDomainError(error));
    }
  }

  /** Runs `work` until no other process is in its way. */
  async #patiently<T>(work: () => T, deadline = performance.now() + PATIENCE): Promise<T> {
    for (let pause = 1; ; pause = Math.min(pause * 2, 8)) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
      await delay(pause * (0.5 + Math.random()));
    }
  }

  async #migrate(): Promise<void> {
    const version = () => Number(this.statement('PRAGMA user_version').get()?.[0]);
    const latest = SCHEMA_STEPS.length;
    if ((await this.#patiently(version)) < latest) {
      await this.write(() => {
        for (const step of SCHEMA_STEPS.slice(version())) {
          if (typeof step === 'string') this.#database.exec(step);
          else step(this);
        }
        this.#database.exec(`PRAGMA user_version = ${latest}`);
      });
    }
    if (version() > latest) {
      throw new DomainError(
        'INTERNAL',
        'The session file was written by a newer version of mcp-sessions. Update this one, or choose another file with SESSIONS_DB.',
      );
    }
  }
}
