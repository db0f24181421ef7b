/** How long one caller's work may keep all others waiting, in milliseconds. */
const TURN_MS = 10;

/**
 * Lets whatever else is due come first, if it has been waiting for long.
 *
 * @param begun when it began to wait, by `performance.now()`
 * @returns since when it waits now
 */
export async function letOthers(begun: number): Promise<number> {
  if (performance.now() - begun < TURN_MS) return begun;
  await new Promise((resolve) => setImmediate(resolve));
  return performance.now();
}

/** Works through a list of what takes time, with others in between. */
export async function mapInTurns<T, R>(list: readonly T[], work: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  let begun = performance.now();
  for (const item of list) {
    results.push(work(item));
    begun = await letOthers(begun);
  }
  return results;
}
