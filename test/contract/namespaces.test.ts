import { expect, it } from 'vitest';
import { harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

describeStores('namespaces', (under) => {
  it('are listed in order, in pages, with their last activity', async () => {
    const at = harness(under.store);
    const begun = at.clock.now;
    for (const [i, namespace] of ['c', 'a', 'b\u2063facts', 'b'].entries()) {
      at.clock.now = begun + i * 1000;
      await at.sessions.add({ namespace }, { session_id: 'one' });
      await at.sessions.add({ namespace }, { session_id: 'two' });
    }
    at.clock.now = begun + 10_000;
    await at.memory.add({ namespace: 'a' }, 'one', [{ role: 'user', content: 'Hello.' }]);
    await at.sessions.delete({ namespace: 'c' }, 'one');
    await at.sessions.delete({ namespace: 'c' }, 'two');
    const time = (ms: number) => new Date(begun + ms).toISOString();
    const first = await under.store.sessions.namespaces(undefined, 3);
    expect(first).toStrictEqual([
      { namespace: 'a', updated_at: time(10_000) },
      { namespace: 'b', updated_at: time(3000) },
      { namespace: 'b\u2063facts', updated_at: time(2000) },
    ]);
    expect(await under.store.sessions.namespaces('b\u2063facts', 3)).toStrictEqual([
      { namespace: 'c' },
    ]);
    expect(await under.store.sessions.namespaces('c', 3)).toStrictEqual([]);
  });
});
