import { afterEach, describe, expect, it, vi } from 'vitest';
import { DomainError } from '../../src/domain/errors.ts';
import { FairQueue } from '../../src/services/fair-queue.ts';

/** Work that ends when the test says so, with the order in which it began. */
function workshop(capacity: number) {
  const queue = new FairQueue();
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  return {
    begun,
    run(key: string, name: string) {
      const work = () =>
        new Promise<string>((resolve, reject) => {
          begun.push(name);
          ends.set(name, (error) => (error === undefined ? resolve(name) : reject(error)));
        });
      return queue.run(key, capacity, work);
    },
    async end(name: string, error?: Error) {
      ends.get(name)?.(error);
      await new Promise(setImmediate);
    },
  };
}

describe('a queue of what takes long', () => {
  afterEach(() => void vi.useRealTimers());

  it('runs one of each key where the capacity is small', async () => {
    const { begun, run } = workshop(2);
    for (const name of ['a1', 'a2', 'b1', 'c1']) void run(name.slice(0, 1), name);
    await new Promise(setImmediate);
    expect(begun).toStrictEqual(['a1', 'b1']);
  });

  it('leaves three quarters of the capacity to others, whatever one key asks for', async () => {
    const { begun, run } = workshop(8);
    for (let i = 0; i < 100; i++) void run('a', `a${i}`);
    void run('b', 'b0');
    await new Promise(setImmediate);
    expect(begun).toStrictEqual(['a0', 'a1', 'b0']);
  });

  it('lets the keys take turns, whoever asked first and however often', async () => {
    const { begun, run, end } = workshop(1);
    const all = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'];
    const results = all.map((name) => run(name.slice(0, 1), name));
    for (let i = 0; i < all.length; i++) await end(begun[i] as string);
    expect(begun).toStrictEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
    expect(await Promise.all(results)).toStrictEqual(all);
  });

  it('goes on after work that failed', async () => {
    const { begun, run, end } = workshop(1);
    const failing = run('a', 'a1');
    const next = run('a', 'a2');
    const refused = expect(failing).rejects.toThrow('broken');
    await end('a1', new Error('broken'));
    await refused;
    await end('a2');
    expect(await next).toBe('a2');
    expect(begun).toStrictEqual(['a1', 'a2']);
  });

  it('keeps the place of work that goes on though its answer was given up', async () => {
    const { begun, run, end } = workshop(1);
    let finish = () => {};
    const unfinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const late = run('a', 'a1');
    void run('b', 'b1');
    const refused = expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await end('a1', new DomainError('UNAVAILABLE', 'Too late.', { unfinished }));
    await refused;
    expect(begun).toStrictEqual(['a1']);
    finish();
    await new Promise(setImmediate);
    expect(begun).toStrictEqual(['a1', 'b1']);
  });

  it('refuses what has waited for too long, and never begins it', async () => {
    vi.useFakeTimers();
    const { begun, run } = workshop(1);
    void run('a', 'a1');
    const waiting = run('a', 'a2');
    const refused = expect(waiting).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      retryable: true,
    });
    await vi.advanceTimersByTimeAsync(20_000);
    await refused;
    expect(begun).toStrictEqual(['a1']);
  });
});
