import { beforeAll, describe, expect, it } from 'vitest';
import type { ListArguments } from '../../src/services/pagination.ts';
import { type Harness, harness, worded } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

const NEWEST = { order_by: 'created_at', order: 'desc', deleted: 'exclude' } as const;

/** Lists that keep only records with some words, or with some metadata. */
describeStores('a list by words and metadata', (under) => {
  const caller = { namespace: 'filtered' };
  let at: Harness;

  beforeAll(async () => {
    at = harness(under.store);
    for (const [session_id, metadata] of [
      ['trip-to-lisbon', { title: 'Três noites em Lisboa', tags: { kind: 'travel' } }],
      ['taxes/2026', { title: 'Tax return', tags: { kind: 'money', year: 2026 } }],
      ['e1f2', { title: 7 }],
      ['日本 旅行', {}],
    ] as const) {
      at.clock.now += 1000;
      await at.sessions.add(caller, { session_id, metadata });
    }
    for (const user of [
      { user_id: 'u-1', first_name: 'Zoë', last_name: "O'Connor", email: 'zoe@example.org' },
      { user_id: 'u-2', first_name: 'Ada', last_name: 'Lovelace', email: 'countess@byron.example' },
    ]) {
      await at.users.add(caller, user);
    }
    await at.sessions.add({ namespace: 'others' }, { session_id: 'lisbon of others' });
  });

  const sessions = async (filter: Partial<ListArguments>) =>
    (await at.sessions.list(caller, { ...NEWEST, ...filter })).records.map((one) => one.session_id);
  const users = async (filter: Partial<ListArguments>) =>
    (await at.users.list(caller, { ...NEWEST, ...filter })).records.map((one) => one.user_id);

  it.each([
    ['lisbon', ['trip-to-lisbon']],
    ['LISB', ['trip-to-lisbon']],
    ['tres noites', ['trip-to-lisbon']],
    ['noites lisbon', ['trip-to-lisbon']],
    ['trip-to-lisbon', ['trip-to-lisbon']],
    ['taxes/2026', ['taxes/2026']],
    ['t', ['taxes/2026', 'trip-to-lisbon']],
    ['旅行', ['日本 旅行']],
    ['isbon', []],
    ['lisbon tax', []],
    ['7', []],
    ['***', []],
  ])('finds sessions by %j in their identifiers and titles', async (query, found) => {
    expect((await sessions({ query })).toSorted()).toEqual(found.toSorted());
  });

  it.each([
    ['zoe', ['u-1']],
    ['Zoë', ['u-1']],
    ['connor', ['u-1']],
    ['ada love', ['u-2']],
    ['countess@byron', ['u-2']],
    ['u-2', ['u-2']],
    ['example', ['u-2', 'u-1']],
  ])('finds users by %j in their identifiers, names and addresses', async (query, found) => {
    expect(await users({ query })).toEqual(found);
  });

  it('finds what has some metadata, at any depth', async () => {
    expect(await sessions({ metadata: { tags: { kind: 'money' } } })).toEqual(['taxes/2026']);
    expect(await sessions({ metadata: { tags: { kind: 'none' } } })).toEqual([]);
    expect(await sessions({ query: 'tax', metadata: { tags: { year: 2026 } } })).toHaveLength(1);
  });

  it('keeps to the other conditions of the list', async () => {
    expect(await sessions({ query: 'lisbon', deleted: 'only' })).toEqual([]);
    const pinned = { ...caller, user_id: 'u-1' };
    const { records } = await at.sessions.list(pinned, { ...NEWEST, query: 'lisbon' });
    expect(records).toEqual([]);
  });

  it('goes on with its cursor, in the order of the list, and with no other', async () => {
    const many = { namespace: 'many' };
    for (let i = 0; i < 30; i++) {
      at.clock.now += 1000;
      const title = i % 3 === 0 ? 'kettle' : 'cup';
      await at.sessions.add(many, { session_id: `s${i}`, metadata: { title } });
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const list = { ...NEWEST, query: 'kettle', limit: 4, cursor };
      const page = await at.sessions.list(many, list);
      expect(page.records.length).toBeLessThanOrEqual(4);
      seen.push(...page.records.map(({ session_id }) => session_id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen).toEqual([27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map((i) => `s${i}`));
    const { next_cursor } = await at.sessions.list(many, { ...NEWEST, query: 'kettle', limit: 4 });
    const other = { ...NEWEST, query: 'cup', limit: 4, cursor: next_cursor };
    await expect(worded(at.sessions).list(many, other)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  describe('refuses', () => {
    it.each([{ include_total: true }, { page_number: 1 }, { page_size: 10 }])(
      '%j',
      async (page) => {
        await expect(
          worded(at.sessions).list(caller, { ...NEWEST, query: 'x', ...page }),
        ).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/limit and cursor/),
        });
      },
    );
  });
});
