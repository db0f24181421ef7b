import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { coalesceUpdates } from '../../../src/mcp/updates/coalesced-updates.ts';

describe('a client is told of changes', () => {
  it('one by one, in the order in which they come, while it reads', async () => {
    const told: string[] = [];
    const tell = coalesceUpdates(async (uri) => void told.push(uri));
    for (const uri of ['a', 'b', 'a']) {
      tell(uri);
      await nextTurn();
    }
    expect(told).toEqual(['a', 'b', 'a']);
  });

  it('once of each that changed while it did not read', async () => {
    const told: string[] = [];
    let read = () => {};
    let reads = true;
    const tell = coalesceUpdates(
      async (uri) => void told.push(uri),
      () => (reads ? undefined : new Promise<void>((resolve) => (read = resolve))),
    );
    tell('a');
    await nextTurn();
    reads = false;
    for (let i = 0; i < 1000; i++) for (const uri of ['a', 'b', 'c']) tell(uri);
    await nextTurn();
    expect(told).toEqual(['a']);
    reads = true;
    read();
    await nextTurn();
    expect(told).toEqual(['a', 'a', 'b', 'c']);
    tell('b');
    await nextTurn();
    expect(told).toEqual(['a', 'a', 'b', 'c', 'b']);
  });
});
