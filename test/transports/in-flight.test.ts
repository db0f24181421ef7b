import { describe, expect, it } from 'vitest';
import { InFlight } from '../../src/transports/in-flight.ts';

describe('what is under way', () => {
  it('is counted one by one, though a careless client uses an identifier twice', async () => {
    const settled: string[] = [];
    const pending = new InFlight();
    pending.add(1, 10);
    pending.whenSettled(1, () => settled.push('first'));
    pending.add(1, 20);
    pending.whenSettled(1, () => settled.push('second'));
    expect([pending.count, pending.bytes]).toEqual([2, 30]);
    pending.settle(1);
    expect(settled).toEqual(['first']);
    expect([pending.count, pending.bytes]).toEqual([1, 20]);
    pending.settle(1);
    pending.settle(1);
    expect(settled).toEqual(['first', 'second']);
    expect([pending.count, pending.bytes]).toEqual([0, 0]);
    expect(await pending.drained(0)).toBe(true);
  });

  it('is none of it once its connection has ended', () => {
    let heard = 0;
    const pending = new InFlight(() => heard++);
    for (const id of [1, 1, '1', 2]) pending.add(id);
    pending.settleAll();
    expect([pending.count, heard]).toEqual([0, 4]);
  });
});
