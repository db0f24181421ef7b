// The stores that a section measures, one after the other.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMongodb } from './support.mjs';

/**
 * Calls `work` with each store there is, in a folder that is removed afterwards; MongoDB is left
 * out, and that is logged, where no server for it is on the PATH.
 *
 * @param work takes `{ name, place, folder }`: `embedded` or `MongoDB`, what names the store, and
 *   where files can be put
 * @param cacheMegabytes how much the MongoDB server keeps in memory
 */
export async function withStores(log, work, cacheMegabytes) {
  for (const name of ['embedded', 'MongoDB']) {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-bench-'));
    let server;
    try {
      if (name === 'MongoDB') server = await startMongodb(folder, false, cacheMegabytes);
      const place = name === 'MongoDB' ? server?.place : { file: join(folder, 'sessions.db') };
      if (place === undefined) log('MongoDB: left out, there is neither mongod nor secantusd-rs');
      else await work({ name, place, folder });
    } finally {
      await server?.stop();
      await rm(folder, { recursive: true, force: true });
    }
  }
}
