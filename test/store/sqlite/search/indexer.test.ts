import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Store } from '../../../../src/store/port.ts';
import { Database } from '../../../../src/store/sqlite/connection/engine.ts';
import { Connection } from '../../../../src/store/sqlite/connection/index.ts';
import { openSqliteStore } from '../../../../src/store/sqlite/index.ts';
import { MIGRATIONS } from '../../../../src/store/sqlite/migrations/index.ts';
import { sqliteSearch } from '../../../../src/store/sqlite/search/index.ts';
import { type Harness, harness } from '../../../support/stores.ts';

const caller = { namespace: 'n' };
const WORDS = ['fox', 'hen', 'owl'];

/** Indexing behind the answer, which here goes on when the test says so. */
describe('the index of the embedded store', () => {
  let folder: string;
  let path: string;
  let store: Store;
  let at: Harness;
  /** Another connection, as another process has it. */
  let file: Database;

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    folder = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
    path = join(folder, 'sessions.db');
    store = await openSqliteStore(path);
    at = harness(store);
    file = await Database.open(path);
  });

  afterEach(async () => {
    file.close();
    await store.close();
    vi.useRealTimers();
    await rm(folder, { recursive: true, force: true });
  });

  const index = () => vi.advanceTimersByTime(20);
  const number = (sql: string) => file.prepare(sql).get()?.[0] as number;
  const unindexed = () => number('SELECT count(*) FROM unindexed');
  const indexed = () => number('SELECT count(*) FROM message_terms');
  const add = (session: string, ...contents: string[]) =>
    at.memory.add(
      caller,
      session,
      contents.map((content) => ({ role: 'user', content })),
    );
  const found = async (query: string) =>
    (await at.search.search(caller, { query })).hits
      .filter(({ message }) => message.content.includes(query))
      .map(({ message }) => message.content);

  it('goes by time past a message that is not indexed yet and older than others', async () => {
    const said = (role: string, created_at?: string) => ({ role, content: 'fox', created_at });
    const roles = ['user', 'user', 'assistant', 'assistant', 'assistant', 'assistant'];
    await at.memory.add(
      caller,
      's',
      roles.map((role) => said(role)),
    );
    index();
    await at.memory.add(caller, 's', [said('user', '2020-01-01T00:00:00Z')]);
    expect(unindexed()).toBe(1);
    const query = { terms: ['fox'], also: [], limit: 2, roles: ['user'] };
    const seqs: number[] = [];
    for (let after: readonly (string | null)[] | undefined, looks = 0; looks < 9; looks++) {
      const page = await store.search.candidates('n', {}, { ...query, after });
      seqs.push(...page.candidates.map(({ seq }) => seq));
      after = page.next;
      if (after[0] === null) break;
    }
    expect(seqs).toStrictEqual([2, 1, 7]);
  });

  it('takes a message once that has a word often', async () => {
    await add('s', 'fox fox fox', 'hen', 'fox');
    const query = { terms: ['fox'], also: [], limit: 2 };
    const { candidates, cut } = await store.search.candidates('n', {}, query);
    expect(candidates.map(({ seq }) => seq).toSorted()).toStrictEqual([1, 3]);
    expect(cut).toStrictEqual([]);
  });

  it('has a message soon after the answer, and a search has it at once', async () => {
    await add('s', 'a fox');
    expect([unindexed(), indexed()]).toStrictEqual([1, 0]);
    expect(await found('fox')).toStrictEqual(['a fox']);
    index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 1]);
    expect(await found('fox')).toStrictEqual(['a fox']);
  });

  it('goes on at the next start where a process ended before', async () => {
    await add('s', 'a fox');
    await store.close();
    store = await openSqliteStore(path);
    at = harness(store);
    expect(unindexed()).toBe(1);
    expect(await found('fox')).toStrictEqual(['a fox']);
    index();
    expect(unindexed()).toBe(0);
  });

  it('waits until nobody else writes', async () => {
    await add('s', 'a fox');
    file.exec('BEGIN IMMEDIATE');
    index();
    file.exec('COMMIT');
    expect(unindexed()).toBe(1);
    index();
    expect(unindexed()).toBe(0);
  });

  it('is tried again by the next call, and told of, when it fails', async () => {
    const failed = vi.fn();
    await store.close();
    store = await openSqliteStore(path, { warn: failed });
    at = harness(store);
    file.exec('ALTER TABLE message_terms RENAME TO away');
    await add('s', 'a fox');
    index();
    expect(failed).toHaveBeenCalledOnce();
    expect(failed.mock.calls[0]?.[1].error).toBeInstanceOf(Error);
    file.exec('ALTER TABLE away RENAME TO message_terms');
    index();
    expect(unindexed()).toBe(1);
    await add('s', 'a hen');
    index();
    expect(unindexed()).toBe(0);
    expect(failed).toHaveBeenCalledOnce();
  });

  it('is not flushed to disk by itself, while what is added is', async () => {
    const exec = vi.spyOn(Database.prototype, 'exec');
    await add('s', 'a fox');
    expect(exec.mock.calls.flat()).toStrictEqual([
      ...['BEGIN IMMEDIATE', 'SAVEPOINT one', 'RELEASE one', 'COMMIT'],
    ]);
    exec.mockClear();
    index();
    expect(exec.mock.calls.flat()).toStrictEqual([
      ...['PRAGMA synchronous = NORMAL', 'BEGIN IMMEDIATE', 'COMMIT', 'PRAGMA synchronous = FULL'],
    ]);
    exec.mockRestore();
  });

  it('never leaves more than a thousand messages of a file to be searched through', async () => {
    const thousand = Array.from({ length: 1000 }, (_, i) => `fox ${i}`);
    await add('s', ...thousand);
    expect(unindexed()).toBe(1000);
    await add('s', 'a fox', 'a hen');
    expect([unindexed(), indexed()]).toStrictEqual([1000, 2]);
    for (let i = 0; i < 10; i++) index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 1002]);
  });

  describe('counts what waits as it is:', () => {
    const waits = async () => {
      const before = unindexed();
      await add('s', 'an owl');
      return unindexed() - before;
    };

    it('a message that says something else again and again', async () => {
      const uuid = crypto.randomUUID();
      for (let i = 0; i < 1200; i++) {
        await at.memory.add(caller, 's', [{ role: 'user', content: `fox ${i}`, uuid }]);
      }
      index();
      expect(await waits()).toBe(1);
    });

    it('what was not added after all', async () => {
      const uuid = crypto.randomUUID();
      const large = { a: 'x'.repeat(200_000) };
      await at.memory.add(caller, 's', [{ role: 'user', content: 'fox', uuid, metadata: large }]);
      const many = Array.from({ length: 999 }, () => ({ role: 'user', content: 'fox' }));
      const again = { role: 'user', content: 'fox', uuid, metadata: { b: large.a } };
      const failing = at.memory.add(caller, 's', [...many, again]);
      await expect(failing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      index();
      expect(await waits()).toBe(1);
    });

    it('what another process has indexed, or left', async () => {
      const thousand = Array.from({ length: 1000 }, (_, i) => `fox ${i}`);
      await add('s', ...thousand);
      file.exec('DELETE FROM unindexed');
      index();
      expect(await waits()).toBe(1);
      file.exec('INSERT OR IGNORE INTO unindexed SELECT id FROM messages WHERE id <= 900');
      await add('s', 'a hen');
      index();
      await add('s', ...thousand.slice(0, 500));
      expect(unindexed()).toBeLessThanOrEqual(1000);
    });
  });

  it('takes what another process has left, once a search has met it', async () => {
    await add('s', 'a fox');
    index();
    index();
    file.exec('DELETE FROM message_terms; INSERT INTO unindexed SELECT id FROM messages');
    index();
    expect(unindexed()).toBe(1);
    expect(await found('fox')).toStrictEqual(['a fox']);
    index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 1]);
  });

  it('does not change under a search', async () => {
    await add('s', 'a fox', 'one more fox');
    const other = await Connection.open(path, MIGRATIONS);
    const statement = other.statement.bind(other);
    vi.spyOn(other, 'statement').mockImplementation((sql) => ({
      ...statement(sql),
      all(...values) {
        const rows = statement(sql).all(...values);
        // After the list of what is unindexed, and before the index: the other process has its turn.
        if (unindexed() > 0) index();
        return rows;
      },
    }));
    const query = { terms: ['fox'], also: [], limit: 2 };
    const search = sqliteSearch(other);
    const { candidates, cut } = await search.candidates('n', {}, query);
    expect([unindexed(), indexed()]).toStrictEqual([0, 2]);
    expect(candidates).toHaveLength(2);
    expect(cut).toStrictEqual([]);
    await other.close();
  });

  it('has what a revival has retired, to be found once it is put back', async () => {
    await add('s', 'a fox');
    await at.sessions.delete(caller, 's');
    await add('s', 'a hen');
    index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 2]);
    expect(await found('hen')).toStrictEqual(['a hen']);
    expect(await found('fox')).toStrictEqual([]);
    await at.sessions.restore(caller, 's');
    expect(await found('fox')).toStrictEqual(['a fox']);
  });

  it('leaves out what was purged, whose place another message takes', async () => {
    await add('s', 'a fox');
    await at.sessions.delete(caller, 's');
    await store.purge('2200-01-01T00:00:00.000Z', 10);
    expect(unindexed()).toBe(1);
    await add('s', 'a hen');
    expect(unindexed()).toBe(1);
    expect(await found('fox')).toStrictEqual([]);
    index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 1]);
    expect(await found('hen')).toStrictEqual(['a hen']);
  });

  it('takes fewer messages at once where they are long', async () => {
    const long = Array.from({ length: 1500 }, (_, i) => `word${i}`).join(' ');
    await add('s', ...Array.from({ length: 10 }, () => long));
    index();
    expect([unindexed(), indexed()]).toStrictEqual([7, 3]);
    for (let i = 0; i < 3; i++) index();
    expect([unindexed(), indexed()]).toStrictEqual([0, 10]);
  });

  it('fails the call that would leave too much where it cannot be written', async () => {
    file.exec('ALTER TABLE message_terms RENAME TO gone');
    await add('s', ...Array.from({ length: 1000 }, () => 'fox'));
    index();
    expect(unindexed()).toBe(1000);
    await expect(add('s', 'a hen')).rejects.toMatchObject({ code: 'INTERNAL' });
    file.exec('ALTER TABLE gone RENAME TO message_terms');
    await add('s', 'an owl');
    expect(unindexed()).toBeLessThanOrEqual(1000);
    expect(await found('hen')).toStrictEqual([]);
    expect(await found('owl')).toStrictEqual(['an owl']);
  });

  it('finds the newest messages with a word, whatever of them is indexed', async () => {
    const word = fc.constantFrom(...WORDS);
    const session = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ add: fc.array(word, { minLength: 1, maxLength: 4 }), session }),
      fc.record({ change: fc.nat(), to: word }),
      fc.record({ remove: session }),
      fc.constant('index' as const),
    );
    let namespace = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const who = { namespace: `property-${namespace++}` };
      let told: { session: string; uuid: string; word: string }[] = [];
      const tell = (session_id: string, uuid: string, content: string) =>
        at.memory.add(who, session_id, [{ role: 'user', content, uuid }]);
      for (const one of steps) {
        if (one === 'index') index();
        else if ('add' in one) {
          for (const word of one.add) {
            const uuid = crypto.randomUUID();
            await tell(one.session, uuid, word);
            told.push({ session: one.session, uuid, word });
          }
        } else if ('change' in one && told.length > 0) {
          const message = told[one.change % told.length] as (typeof told)[0];
          await tell(message.session, message.uuid, one.to);
          message.word = one.to;
        } else if ('remove' in one && told.some(({ session }) => session === one.remove)) {
          await at.sessions.delete(who, one.remove);
          told = told.filter(({ session }) => session !== one.remove);
        }
      }
      for (const word of WORDS) {
        const expected = told.filter((message) => message.word === word).reverse();
        const query = { terms: [word], also: [], limit: 3 };
        const { candidates, cut } = await store.search.candidates(who.namespace, {}, query);
        const ofOneMessage = candidates.map(({ matched }) => matched);
        expect(ofOneMessage).toStrictEqual(expected.slice(0, 3).map(() => [word]));
        expect(cut).toStrictEqual(expected.length > 3 ? [word] : []);
        const limits = { metadataMaxBytes: 1000, enough: { total: 1e6, each: 1e6 } };
        const { messages } = await store.search.findByPosition(who.namespace, candidates, limits);
        expect(messages.map(({ message }) => message.uuid)).toStrictEqual(
          expected.slice(0, 3).map(({ uuid }) => uuid),
        );
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
