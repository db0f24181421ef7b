// What the embedded store has SQLite do.

import { dist } from './support.mjs';

const { Database, loadEngine } = await import(dist('store/sqlite/connection/engine.js'));

/** SQLite as the store uses it, without anything of ours around it. Rows come as objects. */
export async function openBare(file) {
  const DatabaseSync = await loadEngine();
  return new DatabaseSync(file);
}

/**
 * Opens a store whose statements are recorded. Only this one's: those opened later are as they were.
 *
 * @param open opens the store
 * @returns the store, and a function that runs `work` and returns the statements that it ran, each with
 *   its text, the method it was run by, and its values
 */
export async function recordStatements(open) {
  let ran = [];
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function (sql) {
    const statement = prepare.call(this, sql);
    for (const method of ['get', 'all', 'run']) {
      const run = statement[method];
      statement[method] = (...values) => {
        ran.push({ sql, method, values });
        return run.apply(statement, values);
      };
    }
    return statement;
  };
  const restore = () => {
    Database.prototype.prepare = prepare;
  };
  const store = await open().catch((error) => {
    restore();
    throw error;
  });
  return {
    store: {
      ...store,
      async close() {
        restore();
        await store.close();
      },
    },
    async record(work) {
      ran = [];
      await work();
      return ran;
    },
  };
}
