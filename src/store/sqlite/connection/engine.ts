import type { DatabaseSyncInstance, DatabaseSyncOptions } from '@photostructure/sqlite';

export type Row = readonly unknown[];

/** A prepared statement whose rows are arrays in the order of the selected columns. */
export interface Statement {
  get(...values: unknown[]): Row | undefined;
  all(...values: unknown[]): Row[];
  /**
   * Runs it, and says how many rows it changed. Takes the values in their order, or one object with
   * those that have names.
   */
  run(...values: unknown[]): number;
}

type Engine = new (path: string, options: DatabaseSyncOptions) => DatabaseSyncInstance;

let engine: Promise<Engine> | undefined;

/**
 * Stock SQLite behind the interface of `node:sqlite` (https://nodejs.org/api/sqlite.html): Node's own
 * where it is complete, which it is from 22.16 on, or else the package that has the same one.
 * Two engines must never have the same file open in one process: on POSIX, closing a file drops the
 * locks that the other has on it (https://sqlite.org/howtocorrupt.html, 2.2).
 */
export function loadEngine(): Promise<Engine> {
  engine ??= (async () => {
    const builtin = await import('node:sqlite' as string).catch(() => undefined);
    if (builtin !== undefined && 'isTransaction' in builtin.DatabaseSync.prototype) {
      return builtin.DatabaseSync as Engine;
    }
    return (await import('@photostructure/sqlite')).DatabaseSync as unknown as Engine;
  })();
  return engine;
}

/** One open SQLite database. Every method throws the engine's errors, which `errors.ts` reads. */
export class Database {
  readonly #database: DatabaseSyncInstance;

  private constructor(database: DatabaseSyncInstance) {
    this.#database = database;
  }

  /**
   * Opens a database file, and creates it if it is not there.
   *
   * @param path of a file, or a `file:` URI, where the engine is to open it in a special way
   * @param readOnly opens it only to read, and never creates it
   * @throws the engine's error
   */
  static async open(path: string | URL, readOnly = false): Promise<Database> {
    const DatabaseSync = await loadEngine();
    // A busy file is an error at once: see `Connection` for who waits, and how.
    const options = { readOnly, timeout: 0, enableForeignKeyConstraints: false };
    return new Database(new DatabaseSync(path as string, options));
  }

  get inTransaction(): boolean {
    return this.#database.isOpen && this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#database.exec(sql);
  }

  prepare(sql: string): Statement {
    const prepared = this.#database.prepare(sql);
    prepared.setReturnArrays(true);
    return {
      get: (...values) => prepared.get(...values) as Row | undefined,
      all: (...values) => prepared.all(...values) as Row[],
      run: (...values) => Number(prepared.run(...values).changes),
    };
  }

  /** Makes a function of ours callable from SQL, without arguments. */
  define(name: string, work: () => number): void {
    this.#database.function(name, work);
  }

  /** Closes it, if it is open. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
