import { describe, expect, it, vi } from 'vitest';
import { ANALYSIS_VERSION } from '../../../../src/search/analyzer.ts';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { harness, type StoreOptions, useOf } from '../../../support/stores.ts';
import { temporaryFile } from '../../../support/temporary-file.ts';

const caller = { namespace: 'n' };
const MESSAGES = 45;

describe('a file whose messages an older version of the server analysed', () => {
  const file = temporaryFile();

  const open = (options?: StoreOptions) => openSqliteStore(file.path, useOf(options));

  /** Gives all messages the terms and the version of an older analysis. */
  async function makeOld(analysis = 1) {
    const store = await open();
    const messages = Array.from({ length: MESSAGES }, (_, i) => `L'hôtel numéro ${i}`);
    await harness(store).memory.add(
      caller,
      's',
      messages.map((content) => ({ role: 'user', content })),
    );
    await store.close();
    const database = await Database.open(file.path);
    database.exec(`UPDATE messages SET terms = 'old', analysis = ${analysis};
      DELETE FROM unindexed; INSERT INTO unindexed SELECT id FROM messages;
      DELETE FROM message_terms;`);
    database.close();
  }

  async function versions() {
    const database = await Database.open(file.path, true);
    const rows = database.prepare('SELECT analysis, count(*) FROM messages GROUP BY 1').all();
    database.close();
    return rows;
  }

  async function search(store: Awaited<ReturnType<typeof open>>, query = 'hôtel') {
    return harness(store).search.search(caller, { query, limit: 50 });
  }

  const done = (store: Awaited<ReturnType<typeof open>>) =>
    vi.waitFor(async () => {
      expect((await search(store)).advice ?? '').not.toContain('indexed anew');
    }, 10_000);

  it('is analysed anew in the background, and a search says so until then', async () => {
    await makeOld();
    const store = await open();
    expect((await search(store)).advice).toContain('indexed anew');
    await done(store);
    expect((await search(store)).hits).toHaveLength(MESSAGES);
    expect((await search(store, 'old')).hits).toHaveLength(0);
    expect(await versions()).toStrictEqual([[ANALYSIS_VERSION, MESSAGES]]);
    await store.close();
  });

  it('goes on where a process ended, and with several processes at once', async () => {
    await makeOld();
    await (await open()).close();
    const stores = await Promise.all([open(), open(), open()]);
    await Promise.all(stores.map(done));
    expect(await versions()).toStrictEqual([[ANALYSIS_VERSION, MESSAGES]]);
    for (const store of stores) {
      expect((await search(store)).hits).toHaveLength(MESSAGES);
      await store.close();
    }
  });

  it('stays as it is while only commands and read-only servers have it open', async () => {
    await makeOld();
    const stores = [await open({ kind: 'reader' }), await open({ kind: 'command' })];
    expect((await search(stores[0] as (typeof stores)[0])).advice).toContain('indexed anew');
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const store of stores) await store.close();
    expect(await versions()).toStrictEqual([[1, MESSAGES]]);
  });

  it('keeps the terms of a newer version', async () => {
    await makeOld(ANALYSIS_VERSION + 1);
    const store = await open();
    expect((await search(store, 'old')).hits).toHaveLength(MESSAGES);
    await store.close();
    expect(await versions()).toStrictEqual([[ANALYSIS_VERSION + 1, MESSAGES]]);
  });
});
