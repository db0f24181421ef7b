import type { Steps } from '../search/analyzer.ts';

/** How long work goes on before whatever else is due comes first, in milliseconds. */
const SLICE_MS = 10;

/** Work that waits for a turn, the longest first. */
const waiting: (() => void)[] = [];

/** When the turn of the present round of the event loop began, if there was one yet. */
let begun: number | undefined;

/**
 * Does work a turn at a time: in each round of the event loop, all that is done so takes about 10 ms
 * together, however much of it there is, as long as its steps are small.
 */
export async function runInSlices<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    if (begun === undefined) beginSlice();
    else if (performance.now() - begun >= SLICE_MS) await nextSlice();
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Does the same work for each item of a list, in turns. */
export async function mapInSlices<T, R>(
  list: readonly T[],
  work: (item: T) => Steps<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of list) results.push(await runInSlices(work(item)));
  return results;
}

/**
 * Lets whatever else is due come first, if it has been waiting for long.
 *
 * @param since when it began to wait, by `performance.now()`
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
