// Compares two ways to do the same work. Their batches of calls are interleaved, so that other load on
// the machine slows both alike.

import { median } from './support.mjs';

/** Runs `call` for `each` calls by every one of `callers`, and returns the calls per second. */
async function runBatch(call, callers, each) {
  const started = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let count = 0; count < each; count++) await call(caller);
    }),
  );
  return (callers * each * 1000) / (performance.now() - started);
}

/**
 * Compares `ours` with `bare`: calls that are given the number of the caller, from 0.
 *
 * @param options.batchMs about how long a batch takes, in milliseconds
 * @returns the medians of both in calls per second, and the median of the ratios of neighbours
 */
export async function interleave({ ours, bare }, { callers, rounds, batchMs }) {
  await runBatch(ours, callers, 1);
  const speed = await runBatch(bare, callers, 3);
  const each = Math.max(1, Math.round((speed * batchMs) / 1000 / callers));
  const speeds = { ours: [], bare: [] };
  for (let round = -1; round < rounds; round++) {
    const turn = [
      ['ours', ours],
      ['bare', bare],
    ];
    const measured = {};
    // Whoever goes second finds the processor's caches warm: take turns at that, too.
    for (const [name, call] of round % 2 === 0 ? turn : turn.toReversed()) {
      measured[name] = await runBatch(call, callers, each);
    }
    if (round < 0) continue;
    for (const [name] of turn) speeds[name].push(measured[name]);
  }
  return {
    ours: median(speeds.ours),
    bare: median(speeds.bare),
    ratio: median(speeds.ours.map((value, round) => value / speeds.bare[round])),
  };
}
