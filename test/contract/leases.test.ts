import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, expect, it } from 'vitest';
import type { LeaseStore } from '../../src/store/lease-port.ts';
import { describeStores } from './describe-stores.ts';

const MINUTE = 60_000;

/** What one of all processes does at a time. */
describeStores('leases', (under) => {
  let leases: LeaseStore;
  let name = '';
  let number = 0;
  beforeEach(() => {
    leases = under.store.leases;
    name = `work ${number++}`;
  });

  it('are held by one at a time, and renewed by that one', async () => {
    expect(await leases.take(name, 'a', MINUTE)).toStrictEqual({});
    expect(await leases.take(name, 'b', MINUTE)).toBeUndefined();
    expect(await leases.take(name, 'a', MINUTE)).toStrictEqual({});
    expect(await leases.take(`${name} of others`, 'b', MINUTE)).toStrictEqual({});
  });

  it('are won by one of many that take them at once', async () => {
    const holders = Array.from({ length: 12 }, (_, i) => `holder ${i}`);
    const taken = await Promise.all(holders.map((holder) => leases.take(name, holder, MINUTE)));
    expect(taken.filter((state) => state !== undefined)).toHaveLength(1);
    const winner = holders[taken.findIndex((state) => state !== undefined)];
    expect(await leases.look(name)).toMatchObject({ holder: winner });
  });

  it('are free once their time is over, or given back by their holder', async () => {
    await leases.take(name, 'a', 50);
    await delay(150);
    expect((await leases.look(name))?.holder).toBeUndefined();
    expect(await leases.take(name, 'b', MINUTE)).toStrictEqual({});
    await leases.release(name, 'a');
    expect(await leases.take(name, 'a', MINUTE)).toBeUndefined();
    await leases.release(name, 'b');
    expect(await leases.take(name, 'a', MINUTE)).toStrictEqual({});
  });

  it('keep a state for whoever holds them next', async () => {
    const state = { 'a.b': { $set: 1 }, $x: ['é', null, '\u2063'] };
    await leases.take(name, 'a', MINUTE);
    expect(await leases.save(name, 'a', MINUTE, state)).toBe(true);
    expect(await leases.take(name, 'a', MINUTE)).toStrictEqual(state);
    await leases.release(name, 'a');
    expect(await leases.take(name, 'b', MINUTE)).toStrictEqual(state);
    expect(await leases.look(name)).toStrictEqual({ holder: 'b', state });
  });

  it('save nothing for whoever does not hold them any more', async () => {
    await leases.take(name, 'a', 50);
    await leases.save(name, 'a', 50, { by: 'a' });
    await delay(150);
    await leases.take(name, 'b', MINUTE);
    expect(await leases.save(name, 'a', MINUTE, { by: 'a, late' })).toBe(false);
    expect(await leases.save(`${name} untaken`, 'a', MINUTE, {})).toBe(false);
    expect(await leases.look(name)).toStrictEqual({ holder: 'b', state: { by: 'a' } });
  });

  it('are prolonged by what is saved', async () => {
    await leases.take(name, 'a', 50);
    await leases.save(name, 'a', MINUTE, {});
    await delay(150);
    expect(await leases.take(name, 'b', MINUTE)).toBeUndefined();
  });

  it('that nobody took are not there to look at', async () => {
    expect(await leases.look(name)).toBeUndefined();
  });

  it('have names and holders of any text', async () => {
    const odd = [`$${name}.\u{1f98a}`, '$holder'] as const;
    expect(await leases.take(...odd, MINUTE)).toStrictEqual({});
    expect(await leases.save(...odd, MINUTE, { ok: true })).toBe(true);
    expect(await leases.take(odd[0], '$other', MINUTE)).toBeUndefined();
  });

  it('are the same for all processes on a database, and outlast them', async () => {
    const other = await under.database.open();
    await other.leases.take(name, 'a', MINUTE);
    await other.leases.save(name, 'a', MINUTE, { at: 1 });
    await other.close();
    expect(await leases.take(name, 'b', MINUTE)).toBeUndefined();
    expect(await leases.take(name, 'a', MINUTE)).toStrictEqual({ at: 1 });
  });
});
