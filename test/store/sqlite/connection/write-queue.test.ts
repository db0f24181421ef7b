import { describe, expect, it } from 'vitest';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

describe('the write queue of the embedded store', () => {
  const file = temporaryFile();

  it('undoes one failed write of a batch and keeps the others', async () => {
    const connection = await Connection.open(file.path, MIGRATIONS);
    const insert = (uuid: string) => () => {
      connection
        .statement(
          `INSERT INTO users (namespace, user_id, uuid, metadata, created_at, updated_at)
           VALUES ('n', ?, ?, '{}', 0, 0)`,
        )
        .run(uuid, uuid);
      if (uuid === 'b') throw new Error('changed its mind');
    };
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((uuid) => connection.write(insert(uuid))),
    );
    expect(outcomes.map(({ status }) => status)).toStrictEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    const left = connection.statement('SELECT uuid FROM users ORDER BY uuid').all();
    expect(left).toStrictEqual([['a'], ['c']]);
    await connection.close();
  });
});
