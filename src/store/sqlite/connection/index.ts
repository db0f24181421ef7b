import { setTimeout as delay } from 'node:timers/promises';
import { DomainError, REPEAT } from '../../../domain/errors.ts';
import { damagedTextLog } from './damaged-text.ts';
import type { Database, Row, Statement } from './engine.ts';
import { isBusy, outlastsItsCause, toDomainError } from './errors.ts';
import { assertKnown, assertOurs, createFileIdentityCheck } from './file-identity.ts';
import { type ConnectionOptions, openFile, snapshotOf, type Warn } from './open-file.ts';
import { SCHEMA_STEPS } from './schema-steps.ts';
import { WriteQueue } from './write-queue.ts';

/** How long a call waits for other processes that write the same file, in milliseconds. */
export const BUSY_TIMEOUT_MS = 4500;

/**
 * What is acknowledged is on the disk. macOS tells a disk to write its cache only when it is asked for a
 * full fsync (https://sqlite.org/pragma.html#pragma_fullfsync); elsewhere these two do nothing. What is
 * purged, or replaced by another text, is not to be read in the free space of the file.
 */
const PRAGMAS = `PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
  PRAGMA secure_delete = ON`;

export type { Row, Statement } from './engine.ts';
export type { ConnectionOptions, Warn } from './open-file.ts';

/**
 * One connection to the file. Reads run at once. Writes are queued, and those that have come
 * together by the next turn of the event loop commit as one transaction: with a flush to disk per
 * commit, that is what writing costs.
 *
 * Waiting for another process happens on a timer of ours, never inside SQLite: its busy handler
 * would block the whole server, and polls too seldom to get a turn between busy writers.
 */
export class Connection {
  readonly #path: string;
  readonly #options: ConnectionOptions;
  readonly #readOnly: boolean;
  readonly #warn: Warn;
  #database: Database;
  /** See `placeKeeper`. */
  assertInPlace: () => void;
  /** Says in which state a file was opened that nobody was writing; see `#refresh`. */
  #snapshot: string | undefined;
  readonly #statements = new Map<string, Statement>();
  readonly #inspect: (row: Row) => void;
  readonly #writes: WriteQueue;
  /** When a statement that asks `in_time()` ends, by `performance.now()`. */
  #deadline = Number.POSITIVE_INFINITY;
  /** Whether what a failing disk has left in the connection would make later calls fail as well. */
  #spoilt = false;
  #mending: Promise<void> | undefined;

  private constructor(path: string, database: Database, options: ConnectionOptions) {
    this.#path = path;
    this.#options = options;
    this.#readOnly = options.readOnly === true;
    this.#warn = options.warn ?? (() => {});
    this.#database = database;
    this.#inspect = damagedTextLog(this.#warn);
    this.assertInPlace = createFileIdentityCheck(path);
    this.#writes = new WriteQueue({
      begin: async (deadline) => {
        await this.#mend();
        await this.#patiently(() => this.#begin(), deadline);
      },
      exec: (sql) => this.#database.exec(sql),
      inTransaction: () => this.#database.inTransaction,
      explain: (error) => this.#explain(error),
    });
  }

  /**
   * Opens the file, which is created with its folder if it is not there, and brings its schema up
   * to date. One that is only read is left as it is.
   *
   * @throws DomainError UNAVAILABLE or INTERNAL when it cannot be used
   */
  static async open(path: string, options: ConnectionOptions = {}): Promise<Connection> {
    let database: Database | undefined;
    try {
      const file = await openFile(path, options);
      database = file.database;
      const opened = new Connection(path, database, options);
      opened.#snapshot = file.snapshot;
      await opened.#patiently(() => assertOurs(opened.#database));
      if (options.readOnly === true) await opened.#assertCurrent();
      else {
        await opened.#patiently(() => opened.#database.exec('PRAGMA journal_mode = WAL'));
        database.exec(PRAGMAS);
        await opened.#migrate();
      }
      opened.#defineInTime();
      return opened;
    } catch (error) {
      database?.close();
      throw toDomainError(error);
    }
  }

  /** The statement for `sql`, prepared once. */
  statement(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(sql);
    const statement: Statement = {
      get: (...values) => {
        const row = prepared.get(...values);
        if (row !== undefined) this.#inspect(row);
        return row;
      },
      all: (...values) => {
        const rows = prepared.all(...values);
        for (const row of rows) this.#inspect(row);
        return rows;
      },
      run: (...values) => prepared.run(...values),
    };
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Runs `work`, which only reads. */
  read<T>(work: () => T): Promise<T> {
    return this.retry(work);
  }

  /**
   * Runs `work`, again and again while another process is in its way.
   *
   * @throws DomainError
   */
  async retry<T>(work: () => T): Promise<T> {
    try {
      await this.#mend();
      if (this.#snapshot !== undefined) await this.#refresh();
      return await this.#patiently(work);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /**
   * Runs `work` so that its statements which ask `in_time()` end after some time, each with an error.
   *
   * @param milliseconds from now on
   * @returns what `work` returns; where it throws because the time is over, what `late` returns
   */
  within<T, L>(milliseconds: number, work: () => T, late: () => L): T | L {
    this.#deadline = performance.now() + milliseconds;
    try {
      return work();
    } catch (error) {
      if (performance.now() <= this.#deadline) throw error;
      return late();
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY;
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
    return this.#writes.add(work, performance.now() + BUSY_TIMEOUT_MS);
  }

  /**
   * Runs `work` at once, in a transaction that is not flushed to disk: it may be lost, as a whole,
   * with the power, but never what was written before or after it. For what can be made again.
   *
   * @throws what the engine throws, for which `isBusy` holds while another process is writing;
   *   DomainError UNAVAILABLE if the file is lost
   */
  writeUnflushed(work: () => void): void {
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#begin();
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    } finally {
      this.#flushAgain();
    }
  }

  /** Writes what is in the log into the file and empties the log, unless another process is at it. */
  emptyLog(): void {
    if (this.#readOnly) return;
    try {
      // The log of a file that took the place of this one has the same name, and is not ours to empty.
      this.assertInPlace();
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // The next one who closes the file, or purges, will do; what is in the log is read from there.
      if (!isBusy(error)) this.#warn('the log of the session file cannot be emptied', { error });
    }
  }

  async close(): Promise<void> {
    await this.#writes.settled();
    this.#statements.clear();
    // Leaves one file that holds everything, for whoever copies it.
    this.emptyLog();
    this.#database.close();
  }

  /** From now on commits are flushed to disk, or the connection is not used again. */
  #flushAgain(): void {
    try {
      this.#database.exec('PRAGMA synchronous = FULL');
    } catch (error) {
      this.#spoilt = true;
      throw error;
    }
  }

  /** Opens the file anew if the connection is spoilt. */
  async #mend(): Promise<void> {
    if (!this.#spoilt || this.#database.inTransaction) return;
    this.#mending ??= this.#reopen().finally(() => {
      this.#mending = undefined;
    });
    await this.#mending;
  }

  async #reopen(): Promise<void> {
    this.assertInPlace();
    this.#statements.clear();
    // Before it is opened again: locks belong to the process.
    this.#database.close();
    const { database, snapshot } = await openFile(this.#path, this.#options);
    try {
      if (!this.#readOnly) await this.#patiently(() => database.exec(PRAGMAS));
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    this.#snapshot = snapshot;
    this.#defineInTime();
    this.#spoilt = false;
  }

  /** Begins a transaction that writes, if the file is still there and of a version that is known. */
  #begin(): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      // Only now: to begin may have taken seconds.
      this.assertInPlace();
      assertKnown(this.#version());
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** That the file is lost, or newer, comes before whatever SQLite makes of it. */
  #explain(error: unknown): DomainError {
    if (this.#isStopped())
      return new DomainError('UNAVAILABLE', `The server is stopping. ${REPEAT}`);
    if (outlastsItsCause(error)) this.#spoilt = true;
    try {
      this.assertInPlace();
      assertKnown(this.#version());
    } catch (reason) {
      if (reason instanceof DomainError) return reason;
    }
    return toDomainError(error);
  }

  /** Runs `work` until no other process is in its way. */
  async #patiently<T>(work: () => T, deadline = performance.now() + BUSY_TIMEOUT_MS): Promise<T> {
    for (let pause = 1; ; pause = Math.min(pause * 2, 8)) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw error;
      }
      await delay(pause * (0.5 + Math.random()));
    }
  }

  /** Opens a file anew that nobody was writing, if somebody has done so since. */
  async #refresh(): Promise<void> {
    if (snapshotOf(this.#path) === this.#snapshot) return;
    const { database, snapshot } = await openFile(this.#path, this.#options);
    this.#statements.clear();
    this.#database.close();
    this.#database = database;
    this.#snapshot = snapshot;
    this.#defineInTime();
    this.assertInPlace = createFileIdentityCheck(this.#path);
    await this.#assertCurrent();
  }

  #isStopped(): boolean {
    const { stop } = this.#options;
    return stop !== undefined && Atomics.load(stop, 0) === 1;
  }

  #defineInTime(): void {
    this.#database.define('in_time', () => {
      if (this.#isStopped() || performance.now() > this.#deadline)
        throw new Error('the read is to end');
      return 1;
    });
  }

  #version(): number {
    return Number(this.statement('PRAGMA user_version').get()?.[0]);
  }

  async #migrate(): Promise<void> {
    const latest = SCHEMA_STEPS.length;
    if ((await this.#patiently(() => this.#version())) < latest) {
      await this.write(() => {
        for (const step of SCHEMA_STEPS.slice(this.#version())) {
          if (typeof step === 'string') this.#database.exec(step);
          else step(this);
        }
        this.#database.exec(`PRAGMA user_version = ${latest}`);
      });
    }
    assertKnown(this.#version());
  }

  /** A file that is only read cannot be brought up to date. */
  async #assertCurrent(): Promise<void> {
    const version = await this.#patiently(() => this.#version());
    assertKnown(version);
    if (version === SCHEMA_STEPS.length) return;
    throw new DomainError(
      'INTERNAL',
      'The session file was written by an older version of mcp-sessions. Start this one once without --read-only, which brings it up to date.',
    );
  }
}
