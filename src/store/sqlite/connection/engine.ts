import type { DatabaseSyncInstance, DatabaseSyncOptions } from '@photostructure/sqlite';

export type Row = readonly unknown[];

/** What the engine puts in the place of bytes that are not UTF-8. */
const REPLACEMENT_CHARACTER = '\uFFFD';

/** A prepared statement whose rows are arrays in the order of the selected columns. */
export interface Statement {
  get(...values: unknown[]): Row | undefined;
  all(...values: unknown[]): Row[];
  /**
   * Runs the statement and returns how many rows it changed. Takes the values in their order, or one
   * object with named values.
   */
  run(...values: unknown[]): number;
}

type Engine = new (path: string, options: DatabaseSyncOptions) => DatabaseSyncInstance;

let engine: Promise<Engine> | undefined;

/**
 * Loads stock SQLite behind the interface of `node:sqlite` (https://nodejs.org/api/sqlite.html). From
 * Node 22.16 on, that interface is complete and Node's own engine is used. Older versions use a package
 * with the same interface.
 *
 * Two engines must never have the same file open in one process. On POSIX, closing a file drops the
 * locks that the other engine has on it (https://sqlite.org/howtocorrupt.html, 2.2).
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

/** One open SQLite database. Every method throws the engine's errors, which `errors.ts` interprets. */
export class Database {
  readonly #database: DatabaseSyncInstance;
  readonly #onDamagedRow: (row: Row) => void;
  readonly #statements = new Map<string, Statement>();

  private constructor(database: DatabaseSyncInstance, onDamagedRow: (row: Row) => void) {
    this.#database = database;
    this.#onDamagedRow = onDamagedRow;
  }

  /**
   * Opens a database file, and creates it if it does not exist.
   *
   * @param path of a file, or a `file:` URI with parameters for the engine
   * @param readOnly opens the file only for reading, and never creates it
   * @param onDamagedRow called for each row that has a text with bytes that are not UTF-8
   * @throws the engine's error
   */
  static async open(
    path: string | URL,
    readOnly = false,
    onDamagedRow: (row: Row) => void = () => {},
  ): Promise<Database> {
    const DatabaseSync = await loadEngine();
    // A busy file is an error at once. `Connection` waits and retries.
    const options = { readOnly, timeout: 0, enableForeignKeyConstraints: false };
    return new Database(new DatabaseSync(path as string, options), onDamagedRow);
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
      get: (...values) => {
        const row = prepared.get(...values) as Row | undefined;
        if (row !== undefined && isDamaged(row)) this.#onDamagedRow(row);
        return row;
      },
      all: (...values) => {
        const rows = prepared.all(...values) as Row[];
        for (const row of rows) if (isDamaged(row)) this.#onDamagedRow(row);
        return rows;
      },
      run: (...values) => Number(prepared.run(...values).changes),
    };
  }

  /** The statement for `sql`, prepared once. */
  statement(sql: string): Statement {
    const cached = this.#statements.get(sql);
    if (cached !== undefined) return cached;
    const statement = this.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** Makes a JavaScript function callable from SQL, without arguments. */
  define(name: string, work: () => number): void {
    this.#database.function(name, work);
  }

  /** Closes the database if it is open. */
  close(): void {
    this.#statements.clear();
    if (this.#database.isOpen) this.#database.close();
  }
}

function isDamaged(row: Row): boolean {
  for (const value of row) {
    if (typeof value === 'string' && value.includes(REPLACEMENT_CHARACTER)) return true;
  }
  return false;
}
