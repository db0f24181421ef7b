import type { Steps } from '../search/analyzer.ts';

/** The most time that work may block the event loop per iteration, in milliseconds. */
const SLICE_MS = 10;

/** Work that waits for a slice, oldest first. */
const waiting: (() => void)[] = [];

/** The start of the slice in the current event-loop iteration, if one has begun. */
let begun: number | undefined;

/**
 * Runs work in slices. In each event-loop iteration, all such work together takes about 10 ms, as
 * long as its steps are small.
 */
export async function runInSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    if (begun === undefined) beginSlice();
    else if (performance.now() - begun >= SLICE_MS) await nextSlice();
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Maps a list in slices. */
export async function mapInSlices<T, R>(
  list: readonly T[],
  work: (item: T) => Steps<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of list) results.push(await runInSlices(work(item)));
  return results;
}

/**
 * Yields to the event loop if the work that called it has waited for long.
 *
 * @param since the start of the wait, by `performance.now()`
 */
export async function yieldIfBusy(since: number): Promise<void> {
  if (performance.now() - since >= SLICE_MS) await nextSlice();
}

function nextSlice(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (begun === undefined) beginSlice();
  });
}

function beginSlice(): void {
  begun = performance.now();
  setImmediate(() => {
    begun = undefined;
    const next = waiting.shift();
    if (next === undefined) return;
    beginSlice();
    next();
  });
}
