import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { purgeExpired } from '../../src/services/purge.ts';
import { harness } from '../support/stores.ts';
import { describeStores } from './describe-stores.ts';

/** Design §6, for what both stores do when they are told to. */
describeStores('purge', (under) => {
  const T0 = Date.parse('2026-01-01T00:00:00.000Z');
  let number = 0;

  function fresh() {
    const at = harness(under.store);
    // Long ago, but no two suites at the same time: a purge goes through every namespace.
    return { at, caller: { namespace: `purge-${number++}` } };
  }

  it('removes what was deleted by the cutoff, and nothing else', async () => {
    const { at, caller } = fresh();
    // The server's own TTL monitor would join in if these times were past.
    at.clock.now = Date.now() + 1000;
    for (const session_id of ['live', 'old', 'recent']) {
      await at.sessions.add(caller, { session_id });
    }
    await at.sessions.delete(caller, 'old');
    const cutoff = new Date(at.clock.now).toISOString();
    at.clock.now += 1;
    await at.sessions.delete(caller, 'recent');

    expect(await under.store.countExpired(cutoff)).toStrictEqual({
      sessions: 1,
      messages: 0,
      users: 0,
    });
    const progress: number[] = [];
    const purged = await purgeExpired(under.store, {
      cutoff,
      onProgress: ({ sessions }) => progress.push(sessions),
    });

    expect(purged).toStrictEqual({ sessions: 1, messages: 0, users: 0 });
    expect(progress).toStrictEqual([1]);
    await expect(at.sessions.get(caller, 'live')).resolves.toMatchObject({ session_id: 'live' });
    await expect(at.sessions.restore(caller, 'recent')).resolves.toBeDefined();
    await expect(at.sessions.restore(caller, 'old')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('There is no session'),
    });
    await expect(at.sessions.add(caller, { session_id: 'old' })).resolves.toMatchObject({
      metadata: {},
    });
  });

  it('leaves a session that is restored meanwhile whole, or takes all of it', async () => {
    const { at, caller } = fresh();
    at.clock.now = Date.now() + 1000;
    const ids = Array.from({ length: 40 }, (_, i) => `s${i}`);
    for (const session_id of ids) {
      await at.sessions.add(caller, { session_id, metadata: { session_id } });
      await at.sessions.delete(caller, session_id);
    }
    const cutoff = new Date(at.clock.now).toISOString();
    const restores = ids.map((id, i) =>
      delay(i % 7).then(() => at.sessions.restore(caller, id).catch((error: unknown) => error)),
    );
    await purgeExpired(under.store, { cutoff });
    const outcomes = await Promise.all(restores);

    for (const [i, id] of ids.entries()) {
      const outcome = outcomes[i];
      if (outcome instanceof Error) {
        expect(outcome).toMatchObject({ code: 'NOT_FOUND' });
        await expect(at.sessions.get(caller, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      } else {
        expect((await at.sessions.get(caller, id)).metadata).toStrictEqual({ session_id: id });
      }
    }
  });

  describe('stops', () => {
    it('when it is told to', async () => {
      const cutoff = new Date(T0).toISOString();
      const purged = await purgeExpired(under.store, { cutoff, signal: AbortSignal.abort() });
      expect(purged).toStrictEqual({ sessions: 0, messages: 0, users: 0 });
    });
  });
});
