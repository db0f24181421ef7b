import { describe, expect, it } from 'vitest';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

describe('the schema of the embedded store', () => {
  const file = temporaryFile();

  it.each([
    ['a page of sessions', 'live = 1 AND namespace = ? ORDER BY created_at DESC, uuid DESC'],
    ['deleted sessions', 'live = 0 AND namespace = ? ORDER BY updated_at, uuid'],
    [
      'sessions of a user',
      "live = 1 AND namespace = ? AND user_id = 'u' ORDER BY created_at, uuid",
    ],
    ['what is expired', 'deleted_at IS NOT NULL AND deleted_at <= ? ORDER BY deleted_at'],
  ])('finds %s by an index that needs no sorting', async (_, condition) => {
    const connection = await Connection.open(file.path, MIGRATIONS);
    const plan = connection
      .statement(`EXPLAIN QUERY PLAN SELECT * FROM sessions WHERE ${condition} LIMIT 10`)
      .all('n')
      .join('\n');
    expect(plan).toMatch(/SEARCH sessions USING INDEX/);
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
    await connection.close();
  });

  it.each([
    ['the next namespace', 'min(namespace) FROM sessions WHERE namespace > ?'],
    ['its last activity', 'max(updated_at) FROM sessions WHERE namespace = ? AND live = 1'],
  ])('finds %s by one step in an index', async (_, selection) => {
    const connection = await Connection.open(file.path, MIGRATIONS);
    const plan = connection.statement(`EXPLAIN QUERY PLAN SELECT ${selection}`).all('n').join('\n');
    expect(plan).toMatch(/SEARCH sessions USING (COVERING )?INDEX/);
    expect(plan).not.toMatch(/TEMP B-TREE|SCAN/);
    await connection.close();
  });
});
