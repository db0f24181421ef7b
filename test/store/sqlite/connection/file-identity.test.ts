import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { harness } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };

describe('the file of the embedded store', () => {
  const file = temporaryFile();

  it('refuses a file of a newer version, and says what to do', async () => {
    await (await openSqliteStore(file.path)).close();
    const database = await Database.open(file.path);
    database.exec('PRAGMA user_version = 999');
    database.close();
    await expect(openSqliteStore(file.path)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('newer version'),
    });
  });

  it("refuses another program's database, and changes nothing in it", async () => {
    mkdirSync(dirname(file.path));
    const database = await Database.open(file.path);
    database.exec('CREATE TABLE sessions (x TEXT); CREATE TABLE threads (x TEXT)');
    database.exec('PRAGMA user_version = 77');
    await expect(openSqliteStore(file.path)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('some other program'),
    });
    expect(database.prepare('PRAGMA journal_mode').get()).toStrictEqual(['delete']);
    database.close();
  });

  it.each([
    ['removed', (file: string) => rmSync(file)],
    ['replaced', (file: string) => renameSync(`${file}-copy`, file)],
  ])('answers no change that would be in a file which was %s', async (_, lose) => {
    const store = await openSqliteStore(file.path);
    const at = harness(store);
    await at.sessions.add(caller, { session_id: 'before' });
    await store.ping();
    copyFileSync(file.path, `${file.path}-copy`);
    lose(file.path);
    const lost = { code: 'UNAVAILABLE', message: expect.stringContaining('removed or replaced') };
    await expect(at.sessions.add(caller, { session_id: 's' })).rejects.toMatchObject(lost);
    await expect(store.ping()).rejects.toMatchObject(lost);
    await store.close();
  });

  it('leaves the file alone that has taken the place of its own', async () => {
    const before = await openSqliteStore(file.path);
    await harness(before).sessions.add(caller, { session_id: 'before' });
    await before.close();
    copyFileSync(file.path, `${file.path}-copy`);
    const adding = await openSqliteStore(file.path);
    const many = Array.from({ length: 900 }, (_, i) => ({ role: 'user', content: `indexed ${i}` }));
    await harness(adding).memory.add(caller, 'many', many);
    await adding.close();
    const lost = await openSqliteStore(file.path);
    renameSync(`${file.path}-copy`, file.path);
    // Time for what it would index now.
    await delay(150);
    const store = await openSqliteStore(file.path);
    const at = harness(store);
    const add = (id: string) => at.sessions.add(caller, { session_id: id });
    for (let i = 0; i < 50; i++) await add(`s${i}`);
    await expect(harness(lost).sessions.add(caller, { session_id: 's' })).rejects.toThrow(
      'replaced',
    );
    await lost.close();
    await add('after');
    await store.close();
    const again = await openSqliteStore(file.path);
    expect(await harness(again).sessions.complete(caller, 's', 100)).toHaveLength(50);
    expect(await harness(again).sessions.get(caller, 'after')).toBeDefined();
    await again.close();
    const database = await Database.open(file.path);
    expect(database.prepare('PRAGMA integrity_check').all()).toStrictEqual([['ok']]);
    database.close();
  });

  it('answers no change that waited for another process while the file went', async () => {
    const store = await openSqliteStore(file.path);
    const other = await Database.open(file.path);
    other.exec('BEGIN IMMEDIATE');
    const adding = harness(store).sessions.add(caller, { session_id: 's' });
    const refused = expect(adding).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await delay(50);
    rmSync(file.path);
    other.exec('COMMIT');
    other.close();
    await refused;
    await store.close();
  });
});
