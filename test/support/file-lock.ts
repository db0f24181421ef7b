import { loadEngine } from '../../src/store/sqlite/connection/engine.ts';

const DatabaseSync = await loadEngine();

/**
 * Holds the embedded file as another process that writes would. Until `release`, every change that a
 * server is asked for stays in flight, while what only reads is answered.
 */
export function lockFile(path: string): { release(): void } {
  const database = new DatabaseSync(path, {});
  database.exec('BEGIN IMMEDIATE');
  return {
    release() {
      database.exec('COMMIT');
      database.close();
    },
  };
}
