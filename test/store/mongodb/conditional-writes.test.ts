import { MongoServerError } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { insertOrFind } from '../../../src/store/mongodb/conditional-writes.ts';

const duplicate = () => new MongoServerError({ message: 'E11000', code: 11000 });
const inAWhile = () => Date.now() + 4500;

describe('inserting a record or finding the one in its way', () => {
  it('finds the one that is there', async () => {
    const insert = () => Promise.reject(duplicate());
    expect(await insertOrFind(insert, async () => 'there', inAWhile())).toBe('there');
  });

  it('waits for one that is not on a majority yet, so that reads do not show it', async () => {
    const seen = [undefined, undefined, 'there'];
    const insert = () => Promise.reject(duplicate());
    expect(await insertOrFind(insert, async () => seen.shift(), inAWhile())).toBe('there');
    expect(seen).toStrictEqual([]);
  });

  it('inserts in the place of one that is purged meanwhile, or rolled back', async () => {
    const outcomes = [duplicate(), duplicate(), undefined];
    const insert = async () => {
      const outcome = outcomes.shift();
      if (outcome !== undefined) throw outcome;
    };
    expect(await insertOrFind(insert, async () => undefined, inAWhile())).toBeUndefined();
    expect(outcomes).toStrictEqual([]);
  });

  it('gives up a second before its caller does, and does not say that there is none', async () => {
    const insert = () => Promise.reject(duplicate());
    const deadline = Date.now() + 1100;
    await expect(insertOrFind(insert, async () => undefined, deadline)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(Date.now()).toBeLessThan(deadline);
  });

  it('passes on other failures', async () => {
    const insert = () => Promise.reject(new Error('other'));
    await expect(insertOrFind(insert, async () => 'there', inAWhile())).rejects.toThrow('other');
  });
});
