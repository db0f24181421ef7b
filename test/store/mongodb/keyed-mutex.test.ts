import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/store/mongodb/keyed-mutex.ts';

describe('turns', () => {
  it('come one after the other for one key, in the order of arrival, and at once for others', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const work = (name: string, steps: number) => async () => {
      for (let step = 0; step < steps; step++) {
        seen.push(name);
        await new Promise(setImmediate);
      }
    };
    await Promise.all([
      turns.take('a', work('a1', 3)),
      turns.take('a', work('a2', 1)),
      turns.take('b', work('b1', 1)),
    ]);
    expect(seen.filter((name) => name.startsWith('a'))).toStrictEqual(['a1', 'a1', 'a1', 'a2']);
    expect(seen.indexOf('b1')).toBeLessThan(seen.indexOf('a2'));
  });

  it('go on after one that failed, whose failure is its own', async () => {
    const turns = new Turns();
    const failing = turns.take('a', () => Promise.reject(new Error('mine')));
    const next = turns.take('a', async () => 'fine');
    await expect(failing).rejects.toThrow('mine');
    expect(await next).toBe('fine');
  });
});
