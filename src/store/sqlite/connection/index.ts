import { DomainError, REPEAT } from '../../../domain/errors.ts';
import { damagedTextLog } from './damaged-text.ts';
import type { Database, Row, Statement } from './engine.ts';
import { isBusy, requiresReopen, toDomainError } from './errors.ts';
import { assertKnownVersion, assertOurs, createFileIdentityCheck } from './file-identity.ts';
import { assertCurrentVersion, type Migration, migrate } from './migrate.ts';
import { idleFileState, type OpenedFile, openFile, PRAGMAS } from './open-file.ts';
import type { ConnectionOptions, Warn } from './options.ts';
import { BUSY_TIMEOUT_MS, retryWhileBusy } from './retry-while-busy.ts';
import { TimeLimit } from './time-limit.ts';
import { WriteQueue } from './write-queue.ts';

export type { Row, Statement } from './engine.ts';
export type { Migration } from './migrate.ts';
export type { ConnectionOptions, Warn } from './options.ts';

/**
 * One connection to the file. Reads run at once. Writes are queued, and those of one turn of the event
 * loop commit as one transaction: the flush to disk of each commit is what a write costs.
 *
 * Waiting for another process happens on a timer of ours, never inside SQLite: its busy handler
 * would block the whole server, and polls too seldom to get a turn between busy writers.
 */
export class Connection {
  readonly #path: string;
  readonly #options: ConnectionOptions;
  readonly #latestVersion: number;
  readonly #warn: Warn;
  readonly #onDamagedRow: (row: Row) => void;
  readonly #writes: WriteQueue;
  /** Limits the time of reads. See `TimeLimit`. */
  readonly timeLimit: TimeLimit;
  #database!: Database;
  /** See `idleFileState`. */
  #idleState: string | undefined;
  /** Throws once the path has another file. See `createFileIdentityCheck`. */
  assertSameFile!: () => void;
  /** Whether a disk failure left the connection in a state in which later calls would fail as well. */
  #needsReopen = false;
  #reopening: Promise<void> | undefined;

  private constructor(path: string, latestVersion: number, options: ConnectionOptions) {
    this.#path = path;
    this.#latestVersion = latestVersion;
    this.#options = options;
    this.#warn = options.warn ?? (() => {});
    this.#onDamagedRow = damagedTextLog(this.#warn);
    this.timeLimit = new TimeLimit(options.stop);
    this.#writes = new WriteQueue({
      begin: async (deadline) => {
        await this.#reopenIfNeeded();
        await retryWhileBusy(() => this.#begin(), deadline);
      },
      exec: (sql) => this.#database.exec(sql),
      inTransaction: () => this.#database.inTransaction,
      rollBack: () => this.#rollBack(),
      explain: (error) => this.#explain(error),
    });
  }

  /**
   * Opens the file and brings its schema up to date. The file is created with its folder if it does not
   * exist. A connection that only reads leaves the file as it is.
   *
   * @param migrations all steps of the schema, oldest first
   * @throws DomainError UNAVAILABLE or INTERNAL if the file cannot be used
   */
  static async open(
    path: string,
    migrations: readonly Migration[],
    options: ConnectionOptions = {},
  ): Promise<Connection> {
    const connection = new Connection(path, migrations.length, options);
    try {
      connection.#use(await connection.#openFile());
      connection.assertSameFile = createFileIdentityCheck(path);
      await retryWhileBusy(() => assertOurs(connection.#database));
      if (options.readOnly === true) await connection.#assertCurrentVersion();
      else {
        await retryWhileBusy(() => connection.#database.exec('PRAGMA journal_mode = WAL'));
        connection.#database.exec(PRAGMAS);
        await connection.#migrate(migrations);
      }
      return connection;
    } catch (error) {
      connection.#database?.close();
      throw toDomainError(error);
    }
  }

  /** The statement for `sql`, prepared once. */
  statement(sql: string): Statement {
    return this.#database.statement(sql);
  }

  /** Runs `work`, a statement that only reads. */
  read<T>(work: () => T): Promise<T> {
    return this.retry(work);
  }

  /** Runs statements that only read, on one snapshot of the file. */
  readSnapshot<T>(work: () => T): Promise<T> {
    return this.retry(() => {
      // A write has begun a transaction: that is one snapshot, too.
      if (this.#database.inTransaction) return work();
      this.#database.exec('BEGIN');
      try {
        const result = work();
        this.#database.exec('COMMIT');
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  /**
   * Runs `work`, and repeats it while another process has the file locked.
   *
   * @throws DomainError
   */
  async retry<T>(work: () => T): Promise<T> {
    try {
      await this.#reopenIfNeeded();
      if (this.#idleState !== undefined) await this.#reopenIfChanged();
      return await retryWhileBusy(work);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /**
   * Runs `work` in a transaction and resolves with its result once the transaction is on disk. If
   * `work` throws, its changes are undone and the promise rejects with a `DomainError`.
   */
  write<T>(work: () => T): Promise<T> {
    return this.#writes.enqueue(work, performance.now() + BUSY_TIMEOUT_MS);
  }

  /**
   * Runs `work` at once, in a transaction that is not flushed to disk. A power failure may undo the
   * transaction as a whole, but nothing that was written before or after it. For data that can be
   * derived again.
   *
   * @throws the engine's error; `isBusy` holds for it while another process is writing
   * @throws DomainError UNAVAILABLE if the file was removed or replaced
   */
  writeUnflushed(work: () => void): void {
    this.#database.exec('PRAGMA synchronous = NORMAL');
    try {
      this.#begin();
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      this.#restoreFlushing();
    }
  }

  /** Copies the log into the file and truncates it, unless another process is using the log. */
  checkpoint(): void {
    if (this.#options.readOnly === true) return;
    try {
      // If the file was replaced, the log at this path belongs to the new file.
      this.assertSameFile();
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (error) {
      // A later close or purge does it. Until then, reads find the content in the log.
      if (!isBusy(error)) this.#warn('the log of the session file cannot be emptied', { error });
    }
  }

  /** Waits for queued writes, then leaves one file that holds everything, ready to be copied. */
  async close(): Promise<void> {
    await this.#writes.drained();
    this.checkpoint();
    this.#database.close();
  }

  /** Flushes commits to disk again. If that cannot be set, the connection is opened anew. */
  #restoreFlushing(): void {
    try {
      this.#database.exec('PRAGMA synchronous = FULL');
    } catch (error) {
      this.#needsReopen = true;
      throw error;
    }
  }

  #openFile(): Promise<OpenedFile> {
    return openFile(this.#path, this.#options, this.#onDamagedRow);
  }

  #use({ database, idleState }: OpenedFile): void {
    this.#database = database;
    this.#idleState = idleState;
    this.timeLimit.defineIn(database);
  }

  async #reopenIfNeeded(): Promise<void> {
    if (!this.#needsReopen || this.#database.inTransaction) return;
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    await this.#reopening;
  }

  async #reopen(): Promise<void> {
    this.assertSameFile();
    // Close before opening again: on POSIX, file locks belong to the process.
    this.#database.close();
    const opened = await this.#openFile();
    try {
      if (this.#options.readOnly !== true) {
        await retryWhileBusy(() => opened.database.exec(PRAGMAS));
      }
    } catch (error) {
      opened.database.close();
      throw error;
    }
    this.#use(opened);
    this.#needsReopen = false;
  }

  /** Reopens a file that had no writer when it was opened, if it was changed since. */
  async #reopenIfChanged(): Promise<void> {
    if (idleFileState(this.#path) === this.#idleState) return;
    const opened = await this.#openFile();
    this.#database.close();
    this.#use(opened);
    this.assertSameFile = createFileIdentityCheck(this.#path);
    await this.#assertCurrentVersion();
  }

  /** Begins a write transaction. */
  #begin(): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      // Checked after BEGIN, which may have waited for seconds.
      this.#assertUsable();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
  }

  /** Ends the transaction. If the engine cannot, opens the file anew: later reads would be of the past. */
  #rollBack(): void {
    try {
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
    } catch {
      this.#database.close();
      this.#needsReopen = true;
    }
  }

  /** The error for the caller. A lost or newer file takes precedence over the engine's own error. */
  #explain(error: unknown): DomainError {
    if (this.timeLimit.isStopped) {
      return new DomainError('UNAVAILABLE', `The server is stopping. ${REPEAT}`);
    }
    if (requiresReopen(error)) this.#needsReopen = true;
    try {
      this.#assertUsable();
    } catch (reason) {
      if (reason instanceof DomainError) return reason;
    }
    return toDomainError(error);
  }

  /** The schema version of the file: how many migrations it has been through. */
  #version(): number {
    return Number(this.statement('PRAGMA user_version').get()?.[0]);
  }

  /** Throws if the file was removed or replaced, or has a newer schema version. */
  #assertUsable(): void {
    this.assertSameFile();
    assertKnownVersion(this.#version(), this.#latestVersion);
  }

  async #assertCurrentVersion(): Promise<void> {
    const version = await retryWhileBusy(() => this.#version());
    assertCurrentVersion(version, this.#latestVersion);
  }

  async #migrate(migrations: readonly Migration[]): Promise<void> {
    if ((await retryWhileBusy(() => this.#version())) < this.#latestVersion) {
      await this.write(() => migrate(this.#database, this.#version(), migrations));
    }
    assertKnownVersion(this.#version(), this.#latestVersion);
  }
}
