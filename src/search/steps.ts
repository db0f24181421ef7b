/**
 * Work that takes time: wherever it yields, others may come first. What it yields says nothing; what
 * it returns is its result.
 */
export type Steps<T> = Generator<undefined, T>;

/** Does all of such work at once, for whoever has nobody to let in. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
