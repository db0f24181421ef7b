import { describe, expect, it } from 'vitest';
import { KeyedMutex } from '../../../../src/store/mongodb/connection/keyed-mutex.ts';

describe('turns', () => {
  it('come one after the other for one key, in the order of arrival, and at once for others', async () => {
    const turns = new KeyedMutex();
    const seen: string[] = [];
    const work = (name: string, steps: number) => async () => {
      for (let step = 0; step < steps; step++) {
        seen.push(name);
        await new Promise(setImmediate);
      }
    };
    await Promise.all([
      turns.runExclusive('a', work('a1', 3)),
      turns.runExclusive('a', work('a2', 1)),
      turns.runExclusive('b', work('b1', 1)),
    ]);
    expect(seen.filter((name) => name.startsWith('a'))).toStrictEqual(['a1', 'a1', 'a1', 'a2']);
    expect(seen.indexOf('b1')).toBeLessThan(seen.indexOf('a2'));
  });

  it('go on after one that failed, whose failure is its own', async () => {
    const turns = new KeyedMutex();
    const failing = turns.runExclusive('a', () => Promise.reject(new Error('mine')));
    const next = turns.runExclusive('a', async () => 'fine');
    await expect(failing).rejects.toThrow('mine');
    expect(await next).toBe('fine');
  });
});
