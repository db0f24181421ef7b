import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { SessionList } from '../../src/services/sessions.ts';
import { type Harness, harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const NEWEST: SessionList = { order_by: 'created_at', order: 'desc', deleted: 'exclude' };

/** The rules for lists: docs/architecture.md. */
describeStores('list_sessions', (under) => {
  let number = 0;
  let caller: { namespace: string };
  let at: Harness;

  beforeEach(() => {
    caller = { namespace: `lists-${number++}` };
    at = harness(under.store);
  });

  const list = (query: Partial<SessionList> = {}) =>
    at.sessions.list(caller, { ...NEWEST, ...query });
  const ids = async (query: Partial<SessionList> = {}) =>
    (await list(query)).records.map(({ session_id }) => session_id);

  async function add(...identifiers: string[]) {
    for (const session_id of identifiers) {
      at.clock.now += 10;
      await at.sessions.add(caller, { session_id });
    }
  }

  /** Follows the cursor to the end, and does something between the pages. */
  async function follow(query: Partial<SessionList>, between = async () => {}) {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await list({ ...query, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.records.map(({ session_id }) => session_id));
      cursor = page.next_cursor;
      await between();
    } while (cursor !== undefined);
    return seen;
  }

  it('is empty where there is nothing', async () => {
    expect(await list({ include_total: true })).toStrictEqual({ records: [], total_count: 0 });
  });

  it('shows the newest first, or the oldest, by creation or by change', async () => {
    await add('a', 'b', 'c');
    at.clock.now += 10;
    await at.sessions.updateMetadata(caller, 'a', { touched: true });
    expect(await ids()).toStrictEqual(['c', 'b', 'a']);
    expect(await ids({ order: 'asc' })).toStrictEqual(['a', 'b', 'c']);
    expect(await ids({ order_by: 'updated_at' })).toStrictEqual(['a', 'c', 'b']);
    expect(await ids({ order_by: 'updated_at', order: 'asc' })).toStrictEqual(['b', 'c', 'a']);
  });

  it('shows deleted sessions instead of live ones when asked to', async () => {
    await add('a', 'b', 'c');
    await at.sessions.delete(caller, 'b');
    expect(await ids()).toStrictEqual(['c', 'a']);
    expect(await ids({ deleted: 'only' })).toStrictEqual(['b']);
    expect((await list({ deleted: 'only' })).records[0]).toHaveProperty('deleted_at');
  });

  it('shows the sessions of one user', async () => {
    const time = new Date(at.clock.now).toISOString();
    const user = { user_id: 'u', uuid: `u-${caller.namespace}`, metadata: {} };
    await under.store.users.insert(caller.namespace, {
      ...user,
      created_at: time,
      updated_at: time,
    });
    await add('a', 'b');
    for (const session_id of ['x', 'y', 'z']) {
      at.clock.now += 1;
      await at.sessions.add(caller, { session_id, user_id: 'u' });
    }
    await at.sessions.delete(caller, 'y');
    expect(await ids({ user_id: 'u' })).toStrictEqual(['z', 'x']);
    expect(await ids({ user_id: 'u', deleted: 'only', order_by: 'updated_at' })).toStrictEqual([
      'y',
    ]);
    expect(await list({ user_id: 'u', include_total: true, limit: 1 })).toMatchObject({
      total_count: 2,
      next_cursor: expect.any(String),
    });
    expect(await ids({ user_id: 'nobody' })).toStrictEqual([]);
  });

  it('says how to go on exactly when it was cut', async () => {
    await add('a', 'b', 'c');
    expect(await list({ limit: 2 })).toHaveProperty('next_cursor');
    expect(await list({ limit: 3 })).not.toHaveProperty('next_cursor');
    expect(await list({ page_size: 2, page_number: 1 })).toHaveProperty('next_cursor');
    expect(await list({ page_size: 2, page_number: 2 })).not.toHaveProperty('next_cursor');
  });

  it('counts what there is in all when asked to', async () => {
    await add('a', 'b', 'c');
    expect(await list({ limit: 1, include_total: true })).toHaveProperty('total_count', 3);
    expect(await list({ limit: 1 })).not.toHaveProperty('total_count');
  });

  it('pages by number', async () => {
    await add('a', 'b', 'c', 'd', 'e');
    expect(await ids({ page_size: 2 })).toStrictEqual(['e', 'd']);
    expect(await ids({ page_size: 2, page_number: 3 })).toStrictEqual(['a']);
    expect(await ids({ page_size: 2, page_number: 4 })).toStrictEqual([]);
  });

  it('follows a cursor through sessions of the same millisecond, both ways', async () => {
    const all = Array.from({ length: 7 }, (_, i) => `s${i}`);
    for (const session_id of all) await at.sessions.add(caller, { session_id });
    for (const order of ['asc', 'desc'] as const) {
      for (const order_by of ['created_at', 'updated_at'] as const) {
        const seen = await follow({ limit: 2, order, order_by });
        expect(seen.toSorted()).toStrictEqual(all);
      }
    }
  });

  it('ends a page early when its records are large, and goes on with the cursor', async () => {
    const ids = Array.from({ length: 16 }, (_, i) => `s${i}`);
    for (const session_id of ids) {
      await at.sessions.add(caller, { session_id, metadata: { filler: 'x'.repeat(7900) } });
    }
    const page = await list({ limit: 16 });
    expect(page.records.length).toBeLessThan(16);
    expect(page).toHaveProperty('next_cursor');
    expect((await follow({ limit: 16 })).toSorted()).toStrictEqual(ids.toSorted());
  });

  it('leaves out metadata that is too large for a list, and says how large it is', async () => {
    const metadata = { filler: 'x'.repeat(40_000) };
    await at.sessions.add(caller, { session_id: 'large', metadata });
    expect((await list()).records[0]).toMatchObject({
      metadata: {},
      metadata_omitted_bytes: expect.closeTo(40_013, -2),
    });
    expect((await at.sessions.get(caller, 'large')).metadata).toStrictEqual(metadata);
  });

  it('returns every session that stays live exactly once, whatever happens meanwhile', async () => {
    type Step = { kind: 'add' | 'delete' | 'restore'; which: number };
    const step: fc.Arbitrary<Step> = fc.record({
      kind: fc.constantFrom('add', 'delete', 'restore'),
      which: fc.nat(11),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('asc', 'desc'),
        async (steps, limit, order) => {
          caller = { namespace: `concurrent-${number}-${run++}` };
          const original = Array.from({ length: 12 }, (_, i) => `s${i}`);
          for (const [i, session_id] of original.entries()) {
            if (i % 3 === 0) at.clock.now += 1;
            await at.sessions.add(caller, { session_id });
          }
          const disturbed = new Set<string>();
          const pending = [...steps];
          const seen = await follow({ limit, order }, async () => {
            for (const { kind, which } of pending.splice(0, 3)) {
              const id = `s${which}`;
              if (kind === 'add') {
                const session_id = `new-${which}-${pending.length}`;
                await at.sessions.add(caller, { session_id }).catch(() => {});
              } else {
                disturbed.add(id);
                await at.sessions[kind](caller, id);
              }
            }
          });
          const steady = original.filter((id) => !disturbed.has(id));
          expect(seen.filter((id) => steady.includes(id)).toSorted()).toStrictEqual(
            steady.toSorted(),
          );
          expect(new Set(seen).size).toBe(seen.length);
        },
      ),
      { numRuns: 15 },
    );
  });

  describe('refuses', () => {
    const refusal = (message: string) => ({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(message),
    });

    it('a mix of both ways of paging', async () => {
      await expect(list({ limit: 1, page_number: 1 })).rejects.toMatchObject(refusal('mixed'));
      await expect(list({ cursor: 'x', page_size: 1 })).rejects.toMatchObject(refusal('mixed'));
    });

    it('a cursor of another list, of another namespace, or none at all', async () => {
      await add('a', 'b');
      const { next_cursor: cursor } = (await list({ limit: 1 })) as { next_cursor: string };
      const foreign = refusal('does not belong to this list');
      for (const query of [
        { cursor, order: 'asc' },
        { cursor, order_by: 'updated_at' },
        { cursor, deleted: 'only' },
        { cursor, user_id: 'u' },
        { cursor: 'nonsense' },
        { cursor: `${cursor}x` },
        { cursor: cursor.slice(0, -4) },
        { cursor: Buffer.from('null').toString('base64url') },
        { cursor: Buffer.from('["",{},1]').toString('base64url') },
      ] as Partial<SessionList>[]) {
        await expect(list(query)).rejects.toMatchObject(foreign);
      }
      caller = { namespace: 'somebody-else' };
      await expect(list({ cursor })).rejects.toMatchObject(foreign);
    });

    it('a page number so high that skipping to it would cost too much', async () => {
      await expect(list({ page_size: 1000, page_number: 102 })).rejects.toMatchObject(
        refusal('limit and cursor'),
      );
    });
  });
});
