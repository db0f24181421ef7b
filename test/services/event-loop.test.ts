import { describe, expect, it } from 'vitest';
import type { Steps } from '../../src/search/analyzer.ts';
import { mapInSlices, runInSlices } from '../../src/services/event-loop.ts';

/** How long one step keeps the processor busy, in milliseconds. */
const STEP_MS = 2;

/** Counts the rounds of the event loop until it is stopped. */
function countRounds() {
  const counter = { round: 0, stopped: false };
  const next = () => {
    counter.round++;
    if (!counter.stopped) setImmediate(next);
  };
  setImmediate(next);
  return counter;
}

/** Work of so many steps, each of which says that it was taken. */
function* work(steps: number, taken: () => void): Steps<number> {
  for (let i = 0; i < steps; i++) {
    const until = performance.now() + STEP_MS;
    while (performance.now() < until);
    taken();
    yield;
  }
  return steps;
}

describe('work in turns', () => {
  it('leaves the event loop to others after some ten milliseconds, however many work', async () => {
    const counter = countRounds();
    const perRound = new Map<number, number>();
    const taken = () => perRound.set(counter.round, (perRound.get(counter.round) ?? 0) + 1);
    const results = await Promise.all(
      Array.from({ length: 20 }, () => runInSlices(work(10, taken))),
    ).finally(() => {
      counter.stopped = true;
    });
    expect(results).toEqual(Array(20).fill(10));
    // Five steps take ten milliseconds; on a busy machine fewer do.
    expect(Math.max(...perRound.values())).toBeLessThanOrEqual(10);
  });

  it('gets on in equal shares', async () => {
    const ends: string[] = [];
    const run = (name: string, steps: number) =>
      runInSlices(work(steps, () => undefined)).then(() => ends.push(name));
    await Promise.all([run('long', 100), run('short', 10), run('shorter', 5)]);
    expect(ends.at(-1)).toBe('long');
  });

  it('is done at once if there is little of it', async () => {
    let round = 0;
    setImmediate(() => round++);
    await runInSlices(work(1, () => undefined));
    expect(round).toBe(0);
  });

  it('fails with the error of the work, and others go on', async () => {
    function* failing(): Steps<number> {
      yield;
      throw new Error('cannot be done');
    }
    const other = runInSlices(work(20, () => undefined));
    await expect(runInSlices(failing())).rejects.toThrow('cannot be done');
    expect(await other).toBe(20);
  });

  it('has its results in the order of the list', async () => {
    const results = await mapInSlices([3, 1, 2], (steps) => work(steps, () => undefined));
    expect(results).toEqual([3, 1, 2]);
  });
});
