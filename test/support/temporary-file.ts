import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/**
 * Gives each test of a suite the path of a database file that does not exist, in a folder that does not
 * exist either. Both are removed after the test.
 */
export function temporaryFile(): { path: string } {
  const file = { path: '' };
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    file.path = join(folder, 'new', 'sessions.db');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return file;
}
